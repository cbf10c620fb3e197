"""Records the tensor operations of a model's constructor, so that they can be replayed under any seed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from course import spec
from course.capture.arguments import DTYPE_NAMES, require_finite, to_spec_argument, to_spec_dtype
from course.capture.source_lines import current_student_line
from course.capture.unsupported import check_modules
from course.errors import RecipeError
from course.network.operators import takes_device

MAX_OPERATIONS = 50_000


@dataclass(frozen=True)
class RecordedCall:
    """One operator call, with references instead of tensors."""

    op: OpOverload | str  # a string for taking one of several results
    args: tuple[spec.Argument, ...]
    kwargs: dict[str, spec.Argument]
    line: int | None  # of the student's source
    draws_random_numbers: bool
    written: frozenset[int]  # storages that the call changes
    outputs: frozenset[int]  # storages of its results


class OperationRecorder(TorchDispatchMode):
    """Records every operation that runs inside its context."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[RecordedCall] = []
        self.constants: list[spec.Constant | None] = []  # None: too large to be part of a spec
        self._references: dict[tuple[object, ...], spec.NodeRef | spec.TensorRef] = {}
        self._kept: list[Tensor] = []  # alive, so that no address is used twice

    def __torch_dispatch__(
        self,
        op: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if isinstance(target := kwargs.pop("out", None), Tensor):
            return self._write_into(target, op, types, args, kwargs)
        # a lazy parameter has no numbers yet, and the marks that optimizers set for the profiler compute none
        if op.namespace == "profiler" or any(nn.parameter.is_lazy(argument) for argument in args):
            return op(*args, **kwargs)
        if len(self.calls) >= MAX_OPERATIONS:
            raise RecipeError(
                f"Building the model runs more than {MAX_OPERATIONS:,} tensor operations. A model's constructor makes "
                "its layers and fills their initial weights; training happens in the grader.",
                current_student_line(record_constructor.__code__),
            )
        # before the call, which may change its arguments
        spec_args = tuple(to_spec_argument(argument, self._reference) for argument in args)
        spec_kwargs = {keyword: to_spec_argument(argument, self._reference) for keyword, argument in kwargs.items()}
        written = _written_storages(op, args)
        result = op(*args, **kwargs)
        if isinstance(result, Tensor):
            self._remember(result, self._record(op, spec_args, spec_kwargs, written, [result]))
        elif isinstance(result, tuple | list):
            tensors = [item for item in result if isinstance(item, Tensor)]
            whole = self._record(op, spec_args, spec_kwargs, written, tensors)
            for position, tensor in enumerate(tensors):
                item = self._record("size.getitem", (whole, position), {}, frozenset(), [tensor])
                self._remember(tensor, item)
        return result

    def _write_into(
        self, target: Tensor, op: OpOverload, types: Sequence[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A call with out=, as torch.nn.init.eye_ makes it: recorded as the same call without it, and a copy."""
        functional = _functional(op)
        if takes_device(functional):
            kwargs |= {"dtype": target.dtype, "device": target.device}
        value = self.__torch_dispatch__(functional, types, args, kwargs)
        return self.__torch_dispatch__(torch.ops.aten.copy_.default, types, (target, value))

    def find(self, tensor: Tensor) -> spec.NodeRef | None:
        """The recorded call that made `tensor`, if there is one."""
        reference = self._references.get(_key(tensor))
        return reference if isinstance(reference, spec.NodeRef) else None

    def _record(
        self,
        op: OpOverload | str,
        args: tuple[spec.Argument, ...],
        kwargs: dict[str, spec.Argument],
        written: frozenset[int],
        outputs: list[Tensor],
    ) -> spec.NodeRef:
        line = current_student_line(record_constructor.__code__)
        self.calls.append(
            RecordedCall(
                op=op,
                args=args,
                kwargs=kwargs,
                line=line,
                draws_random_numbers=not isinstance(op, str) and torch.Tag.nondeterministic_seeded in op.tags,
                written=written,
                outputs=frozenset(map(storage_of, outputs)),
            )
        )
        return spec.NodeRef(node=len(self.calls) - 1)

    def _remember(self, tensor: Tensor, reference: spec.NodeRef | spec.TensorRef) -> None:
        self._references[_key(tensor)] = reference
        self._kept.append(tensor)

    def _reference(self, tensor: Tensor) -> spec.NodeRef | spec.TensorRef:
        """The call that made a tensor. One that no call made is a constant, read here before anything changes it."""
        key = _key(tensor)
        if key not in self._references:
            self.constants.append(as_constant(tensor))
            self._remember(tensor, spec.TensorRef(tensor=len(self.constants) - 1))
        return self._references[key]


def _functional(op: OpOverload) -> OpOverload:
    """The overload of an operator that takes the same arguments without out=. Raises RecipeError."""

    def taken(overload: OpOverload) -> list[tuple[str, str]]:
        return [
            (argument.name, str(argument.type)) for argument in overload._schema.arguments if not argument.kwarg_only
        ]

    overloads: list[OpOverload] = [getattr(op.overloadpacket, name) for name in op.overloadpacket.overloads()]
    for overload in overloads:
        if taken(overload) == taken(op) and not any(argument.is_out for argument in overload._schema.arguments):
            return overload
    raise RecipeError(f"Building the model calls {op} with out=. Leave it out, and assign the result.")


def _written_storages(op: OpOverload, args: tuple[Any, ...]) -> frozenset[int]:
    return frozenset(
        storage_of(argument)
        for declared, argument in zip(op._schema.arguments, args, strict=False)
        if isinstance(argument, Tensor) and declared.alias_info is not None and declared.alias_info.is_write
    )


def storage_of(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _key(tensor: Tensor) -> tuple[object, ...]:
    # not id(): a detached or re-wrapped tensor is another object over the same memory
    return storage_of(tensor), tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def as_constant(tensor: Tensor) -> spec.Constant | None:
    """The tensor's values; None when there are too many for a spec. Raises RecipeError for infinities and NaN."""
    if tensor.numel() > spec.MAX_VALUES or tensor.dtype not in DTYPE_NAMES:
        return None
    with _disable_current_modes():
        values: tuple[bool | int | float, ...] = tuple(tensor.detach().reshape(-1).tolist())
    for value in values:
        require_finite(value)
    return spec.Constant(shape=tuple(tensor.shape), dtype=to_spec_dtype(tensor.dtype), values=values)


def record_constructor(build: Callable[[], nn.Module], seed: int) -> tuple[nn.Module, OperationRecorder]:
    """Build the model under `seed` while recording; lazy layers see one batch of zeros. Raises RecipeError.

    PyTorch's global random state is left as it was.
    """
    recorder = OperationRecorder()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with _deepcopy_by_clone(), recorder:
            model: object = build()
            if not isinstance(model, nn.Module):
                advice = {"NoneType": " End the function with return.", "type": " Write model=Net, without a lambda."}
                raise RecipeError(
                    f"Recipe(model=...) gives {type(model).__name__} when called, and a torch.nn.Module is needed."
                    f"{advice.get(type(model).__name__, '')}"
                )
            check_modules(model)
            initialise_lazy_layers(model)
    return model, recorder


@contextlib.contextmanager
def _deepcopy_by_clone() -> Iterator[None]:
    """Let copy.deepcopy(layer) copy buffers by an operator: PyTorch copies their bytes, which cannot be recorded."""

    def deepcopy(tensor: Tensor, memo: dict[int, Any]) -> Any:
        if id(tensor) not in memo:
            memo[id(tensor)] = tensor.detach().clone().requires_grad_(tensor.requires_grad)
        return memo[id(tensor)]

    own = Tensor.__deepcopy__
    Tensor.__deepcopy__ = deepcopy  # type: ignore[method-assign]  # replaced on purpose, and put back below
    try:
        yield
    finally:
        Tensor.__deepcopy__ = own  # type: ignore[method-assign]  # the original


def initialise_lazy_layers(model: nn.Module) -> None:
    """Lazy layers take their shapes from their first input: zeros, in eval mode, so that nothing is drawn at random."""
    if any(nn.parameter.is_lazy(t) for t in (*model.parameters(), *model.buffers())):
        with torch.no_grad():
            model.eval()(torch.zeros(8, 1, 28, 28))
