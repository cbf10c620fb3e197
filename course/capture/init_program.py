"""How a model's tensors come to be: the constructor's operations, recorded so that they can be replayed under any seed.

The weights themselves are not taken over. Numbers that come from anywhere but PyTorch's own random, fill and
arithmetic operations (a file, a list, NumPy) can be handed over by value, up to `spec.MAX_VALUES`, and no more:
so pretrained weights cannot be expressed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from course import spec
from course.capture.arguments import operator_name, plain
from course.capture.source_lines import current_line
from course.errors import RecipeError
from course.network import operators

MAX_RECORDED = 50_000


class Recorder(TorchDispatchMode):
    """Records every operation that runs inside it; `keep` holds all tensors, so that no address is used twice."""

    def __init__(self):
        super().__init__()
        self.calls: list[tuple] = []  # (op, args, kwargs) with references in place of tensors
        self.lines: list[int | None] = []  # of the student's source, for each call
        self.constants: list[spec.Constant | None] = []  # None: too large to be handed over
        self._known: dict[tuple, spec.NodeRef | spec.TensorRef] = {}
        self.storages: list[set[int]] = []  # of each call's outputs
        self.writes: list[set[int]] = []  # storages that each call changes
        self._keep: list[Tensor] = []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        # a lazy parameter has no numbers yet, and the profiler's marks (of optimizers) make none
        if op.namespace == "profiler" or any(nn.parameter.is_lazy(a) for a in args):
            return op(*args, **kwargs)
        if len(self.calls) >= MAX_RECORDED:
            raise RecipeError(
                f"Building the model runs more than {MAX_RECORDED:,} tensor operations. A model's constructor makes "
                "its layers and fills their initial weights; training happens in the grader.",
                current_line(record.__code__),
            )
        reference = self._reference
        call = op, plain(args, reference), {k: plain(v, reference) for k, v in kwargs.items()}
        changed = set()
        if op._schema.is_mutable:
            named = zip(op._schema.arguments, args, strict=False)
            changed = {
                _storage(a) for s, a in named if isinstance(a, Tensor) and s.alias_info and s.alias_info.is_write
            }
        out = op(*args, **kwargs)
        self._register(call, changed, out)
        return out

    def _append(self, call: tuple, writes: set[int], outputs: list[Tensor]) -> spec.NodeRef:
        self.calls.append(call)
        self.lines.append(current_line(record.__code__))
        self.writes.append(writes)
        self.storages.append({_storage(t) for t in outputs})
        return spec.NodeRef(node=len(self.calls) - 1)

    def _register(self, call: tuple, writes: set[int], out) -> None:
        if isinstance(out, Tensor):
            self._remember(out, self._append(call, writes, [out]))
        elif isinstance(out, tuple | list):
            tensors = [t for t in out if isinstance(t, Tensor)]
            whole = self._append(call, writes, tensors)
            for position, tensor in enumerate(tensors):
                self._remember(tensor, self._append(("size.getitem", (whole, position), {}), set(), [tensor]))

    def _remember(self, tensor: Tensor, reference) -> None:
        self._known[_key(tensor)] = reference
        self._keep.append(tensor)

    def _reference(self, tensor: Tensor) -> spec.NodeRef | spec.TensorRef:
        """What is known of a tensor; one never seen before is a constant, read before anything changes it."""
        key = _key(tensor)
        if key not in self._known:
            self.constants.append(as_constant(tensor))
            self._remember(tensor, spec.TensorRef(tensor=len(self.constants) - 1))
        return self._known[key]

    def find(self, tensor: Tensor) -> spec.NodeRef | None:
        found = self._known.get(_key(tensor))
        return found if isinstance(found, spec.NodeRef) else None


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _key(tensor: Tensor) -> tuple:
    # a detached or re-wrapped tensor is another object over the same memory
    return _storage(tensor), tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def as_constant(tensor: Tensor) -> spec.Constant | None:
    if tensor.numel() > spec.MAX_VALUES or tensor.dtype not in DTYPES:
        return None
    with torch.utils._python_dispatch._disable_current_modes():
        values = plain(tensor.detach().reshape(-1).tolist(), None)
    return spec.Constant(shape=tuple(tensor.shape), dtype=spec.Dtype(dtype=DTYPES[tensor.dtype]), values=values)


DTYPES = {getattr(torch, n): n for n in ("float32", "float64", "int64", "int32", "bool", "uint8")}


def record(build: Callable[[], nn.Module], seed: int) -> tuple[nn.Module, Recorder]:
    """Build the model under `seed` while recording; lazy layers see one batch of zeros. Global random state is kept."""
    recorder = Recorder()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with recorder:
            model = build()
            if not isinstance(model, nn.Module):
                raise RecipeError(
                    f"Recipe(model=...) gives {type(model).__name__} when called, and a torch.nn.Module is needed."
                )
            initialise_lazy_layers(model)
    return model, recorder


def initialise_lazy_layers(model: nn.Module) -> None:
    """Lazy layers take their shapes from what they see first: zeros, in eval mode, so that nothing is drawn."""
    if any(nn.parameter.is_lazy(t) for t in (*model.parameters(), *model.buffers())):
        with torch.no_grad():
            model.eval()(torch.zeros(8, 1, 28, 28))


class InitProgram:
    """The part of a recording that the model's tensors depend on, as nodes of a spec."""

    def __init__(self, recorder: Recorder, wanted: list[Tensor]):
        self._recorder = recorder
        needed = self._slice([r.node for t in wanted if (r := recorder.find(t))], wanted)
        self._position = {old: new for new, old in enumerate(needed)}
        self._constant_position: dict[int, int] = {}
        self.constants: list[spec.Constant] = []
        self.nodes = tuple(self._node(index) for index in needed)

    def _slice(self, wanted: list[int], tensors: list[Tensor]) -> list[int]:
        """Backwards: what makes a wanted value, what changes its memory, and every random draw, to keep their order."""
        rec = self._recorder
        needed, live = set(wanted), {_storage(t) for t in tensors}
        for index in range(len(rec.calls) - 1, -1, -1):
            op, args, kwargs = rec.calls[index]
            draws = not isinstance(op, str) and torch.Tag.nondeterministic_seeded in op.tags
            if index in needed or rec.writes[index] & live or draws:
                needed.add(index)
                live |= rec.storages[index]
                for reference in _references((*args, *kwargs.values())):
                    if isinstance(reference, spec.NodeRef):
                        needed.add(reference.node)
                        live |= rec.storages[reference.node]
        return sorted(needed)

    def _node(self, index: int) -> spec.Node:
        op, args, kwargs = self._recorder.calls[index]
        line = self._recorder.lines[index]
        name = op if isinstance(op, str) else operator_name(op)
        if not operators.is_allowed(name, init=True):
            raise RecipeError(
                f"Building the model uses the operator {name}, which is not on the list of allowed operators. "
                "Fill initial weights with the functions of torch.nn.init.",
                line,
            )
        keep = {k: v for k, v in kwargs.items() if k not in operators.IGNORED_KEYWORDS}
        return spec.Node(
            op=name,
            args=tuple(self._renumber(a, line) for a in args),
            kwargs={k: self._renumber(v, line) for k, v in keep.items()},
        )

    def _renumber(self, argument, line: int | None):
        if isinstance(argument, spec.NodeRef):
            return spec.NodeRef(node=self._position[argument.node])
        if isinstance(argument, spec.TensorRef):
            return spec.TensorRef(tensor=self._use_constant(argument.tensor, line))
        if isinstance(argument, tuple):
            return tuple(self._renumber(a, line) for a in argument)
        return argument

    def _use_constant(self, index: int, line: int | None) -> int:
        constant = self._recorder.constants[index]
        if constant is None:
            raise RecipeError(
                f"Initial weights are taken from a tensor of more than {spec.MAX_VALUES} ready-made numbers. "
                "They come from torch's random and fill functions (torch.nn.init); pretrained ones are not accepted.",
                line,
            )
        if index not in self._constant_position:
            self._constant_position[index] = len(self.constants)
            self.constants.append(constant)
        return self._constant_position[index]

    def start_of(self, name: str, tensor: Tensor) -> spec.NodeRef | spec.Constant:
        """Where the model's tensor `name` starts from. Raises RecipeError when that cannot be replayed."""
        found = self._recorder.find(tensor)
        if found is not None:
            return spec.NodeRef(node=self._position[found.node])
        constant = as_constant(tensor)
        if constant is None:
            made_in_forward = name.startswith("lifted_tensor")  # export's name for it
            what = "a tensor that forward uses beside the parameters" if made_in_forward else repr(name)
            raise RecipeError(
                f"The initial values of {what} ({tensor.numel():,} numbers) do not come from torch's own random and "
                "fill functions. Use torch.nn.init; pretrained weights are not accepted."
            )
        return constant


def _references(arguments):
    for argument in arguments:
        if isinstance(argument, spec.NodeRef | spec.TensorRef):
            yield argument
        elif isinstance(argument, tuple):
            yield from _references(argument)
