"""How a model's tensors are initialised: the recorded operations that they depend on, to be replayed under any seed.

The weights themselves are not captured. Numbers that come from anywhere but PyTorch's own random, fill and arithmetic
operations (a file, a list, NumPy) can be part of a spec only up to `spec.MAX_VALUES`, so pretrained weights cannot be
expressed.
"""

from __future__ import annotations

from torch import Tensor

from course import spec
from course.capture.operation_recorder import OperationRecorder, as_constant, storage_of
from course.errors import RecipeError
from course.network import operators


class InitProgram:
    """The part of a recording that the model's `tensors` depend on, as `nodes` and `constants` of a spec."""

    def __init__(self, recorder: OperationRecorder, tensors: list[Tensor]) -> None:
        self._recorder = recorder
        needed = self._needed_calls(tensors)
        self._node_numbers = {call: number for number, call in enumerate(needed)}
        self._constant_numbers: dict[int, int] = {}
        self.constants: list[spec.Constant] = []
        self.nodes = tuple(self._node(call) for call in needed)

    def initial_value(self, name: str, tensor: Tensor) -> spec.NodeRef | spec.Constant:
        """What the model's tensor `name` starts from. Raises RecipeError when that cannot be replayed."""
        reference = self._recorder.find(tensor)
        if reference is not None:
            return spec.NodeRef(node=self._node_numbers[reference.node])
        constant = as_constant(tensor)
        if constant is None:
            created_in_forward = name.startswith("lifted_tensor")  # torch.export's name for it
            what = "a tensor that forward uses and that is not a parameter" if created_in_forward else repr(name)
            raise RecipeError(
                f"The initial values of {what} ({tensor.numel():,} numbers) do not come from torch's own random and "
                "fill functions. Use torch.nn.init; pretrained weights are not accepted."
            )
        return constant

    def _needed_calls(self, tensors: list[Tensor]) -> list[int]:
        """Calls that compute a tensor or change its memory, and every random draw, so that their order is kept.

        This is a backward slice: from the last call to the first, with all that a needed call itself depends on.
        """
        calls = self._recorder.calls
        needed = {reference.node for tensor in tensors if (reference := self._recorder.find(tensor))}
        storages = set(map(storage_of, tensors))
        for number in range(len(calls) - 1, -1, -1):
            call = calls[number]
            if number in needed or call.written & storages or call.draws_random_numbers:
                needed.add(number)
                storages |= call.outputs
                for argument in spec.leaves((*call.args, *call.kwargs.values())):
                    if isinstance(argument, spec.NodeRef):
                        needed.add(argument.node)
                        storages |= calls[argument.node].outputs
        return sorted(needed)

    def _node(self, number: int) -> spec.Node:
        call = self._recorder.calls[number]
        name = str(call.op)
        if (advice := operators.UNSAFE_OVERLOADS.get(name.removeprefix("aten."))) is not None:
            raise RecipeError(f"Building the model uses {name.removeprefix('aten.')!r}, which {advice}.", call.line)
        if not operators.is_allowed(name, init=True):
            raise RecipeError(
                f"Building the model uses the operator {name}, which is not on the list of allowed operators. "
                "Fill initial weights with the functions of torch.nn.init.",
                call.line,
            )
        return spec.Node(
            op=name,
            args=tuple(self._renumbered(argument, call.line) for argument in call.args),
            kwargs={
                keyword: self._renumbered(argument, call.line)
                for keyword, argument in call.kwargs.items()
                if keyword not in operators.IGNORED_KEYWORDS
            },
        )

    def _renumbered(self, argument: spec.Argument, line: int | None) -> spec.Argument:
        """The argument with references by the numbers of the program instead of the recording's."""
        if isinstance(argument, spec.NodeRef):
            return spec.NodeRef(node=self._node_numbers[argument.node])
        if isinstance(argument, spec.TensorRef):
            return spec.TensorRef(tensor=self._constant_number(argument.tensor, line))
        if isinstance(argument, tuple):
            return tuple(self._renumbered(item, line) for item in argument)
        return argument

    def _constant_number(self, recorded: int, line: int | None) -> int:
        constant = self._recorder.constants[recorded]
        if constant is None:
            raise RecipeError(
                f"Initial weights are taken from a tensor of more than {spec.MAX_VALUES} ready-made numbers. "
                "They come from torch's random and fill functions (torch.nn.init); pretrained ones are not accepted.",
                line,
            )
        if recorded not in self._constant_numbers:
            self._constant_numbers[recorded] = len(self.constants)
            self.constants.append(constant)
        return self._constant_numbers[recorded]
