"""A graph's nodes as a program: operator calls that are run one after the other.

No code is generated and nothing of the student's is called: each node names an operator on the allow-list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.network import operators

_SUBSTITUTES = {
    "aten.view.default": "aten.reshape.default",  # a view may not exist in the memory layout of another device
    "aten.empty.memory_format": "aten.zeros.default",  # never show what was in memory before
    "aten.empty_like.default": "aten.zeros_like.default",
    "aten.new_empty.default": "aten.new_zeros.default",
}


@dataclass(frozen=True)
class ValueRef:
    """A value of a program. The input is 0; the tensors follow it, then the nodes' outputs."""

    index: int


@dataclass(frozen=True)
class Call:
    """One operator call, ready to run. `output` is the index of the value that it computes.

    `args` and `kwargs` hold `ValueRef`s, also in lists. `releases` are the values that no later call reads.
    """

    output: int
    name: str
    op: operators.Operator
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    takes_device: bool
    releases: tuple[int, ...] = ()

    @property
    def reads(self) -> list[int]:
        """The indices of the values in the arguments, in order."""
        arguments = spec.leaves((*self.args, *self.kwargs.values()))
        return [argument.index for argument in arguments if isinstance(argument, ValueRef)]


Optimize = Callable[[list[Call], int | None], list[Call]]  # of the calls and the index of the graph's output


class Program:
    """The calls of one graph, in order. A value is released after its last reader.

    With `output=None` all values are kept. `optimize` may replace calls, as `repeatable.make_repeatable` does.
    Raises SpecError when a node calls an operator that is not allowed or reads a value that does not exist yet.
    """

    def __init__(
        self,
        nodes: Sequence[spec.Node],
        tensors: int,
        output: int | None,
        *,
        init: bool = False,
        optimize: Optimize | None = None,
    ):
        """`tensors` is the number of tensors, `output` a node's position; `init` allows what constructors may call."""
        if output is not None and output >= len(nodes):
            raise SpecError(f"The graph's output is node {output}, and there are {len(nodes)}.")
        self.first_node = 1 + tensors
        self.output = None if output is None else self.first_node + output
        calls = [self._call(position, node, init) for position, node in enumerate(nodes)]
        if optimize is not None:
            calls = optimize(calls, self.output)
        self.calls = calls if self.output is None else _with_releases(calls, self.first_node, self.output)

    def _call(self, position: int, node: spec.Node, init: bool) -> Call:
        op = operators.resolve(node.op, init=init)
        if node.op in _SUBSTITUTES:
            op = operators.resolve(_SUBSTITUTES[node.op], init=init)
        operators.check_call(op, len(node.args), tuple(node.kwargs))
        if node.op == "size.getitem":
            _check_getitem(node.args)
        args = tuple(self._prepare(argument, position) for argument in node.args)
        kwargs = {name: self._prepare(argument, position) for name, argument in node.kwargs.items()}
        return Call(self.first_node + position, node.op, op, args, kwargs, operators.takes_device(op))

    def _prepare(self, argument: spec.Argument, position: int) -> Any:
        """An argument of the node at `position` as operators take it, with references to values."""
        match argument:
            case spec.Input():
                return ValueRef(0)
            case spec.TensorRef(tensor=index):
                if 1 + index >= self.first_node:
                    raise SpecError(f"Node {position} reads tensor {index}, and there are {self.first_node - 1}.")
                return ValueRef(1 + index)
            case spec.NodeRef(node=index):
                if index >= position:
                    raise SpecError(f"Node {position} reads node {index}, which does not come before it.")
                return ValueRef(self.first_node + index)
            case spec.Dtype(dtype=name):
                return getattr(torch, name)
            case tuple():
                return [self._prepare(item, position) for item in argument]
        return argument

    def run(
        self,
        images: Tensor | None,
        tensors: Sequence[Tensor],
        device: torch.device | None = None,
    ) -> list[Any]:
        """All values by index; released ones are None. Raises SpecError when an operator fails."""
        outputs = self.calls[-1].output + 1 - self.first_node if self.calls else 0
        values: list[Any] = [images, *tensors, *[None] * outputs]
        for call in self.calls:
            values[call.output] = self.compute(call, values, device)
            for index in call.releases:
                values[index] = None
        return values

    def compute(self, call: Call, values: Sequence[Any] | Mapping[int, Any], device: torch.device | None = None) -> Any:
        """What one of the calls computes of `values`, by index. Raises SpecError when the operator fails."""
        args, kwargs = self.arguments(call, values)
        if call.takes_device and device is not None:
            kwargs["device"] = device
        try:
            return call.op(*args, **kwargs)
        except (RuntimeError, TypeError, LookupError, ValueError, ArithmeticError) as error:
            first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            position = call.output - self.first_node
            raise SpecError(f"Operation {position} ({call.name}) failed: {first_line[:300]}") from error

    @staticmethod
    def arguments(call: Call, values: Sequence[Any] | Mapping[int, Any]) -> tuple[list[Any], dict[str, Any]]:
        """A call's arguments, with values in place of references."""
        args = [_load(argument, values) for argument in call.args]
        return args, {name: _load(argument, values) for name, argument in call.kwargs.items()}


def _check_getitem(arguments: tuple[spec.Argument, ...]) -> None:
    """The item of an operator's result, at a constant index. Raises SpecError.

    Indexing a list in the spec with a computed index could give one number during the inspection and another later.
    """
    match arguments:
        case (spec.NodeRef(), index) if type(index) is int:
            return
    raise SpecError("size.getitem takes one of an operator's results by its number, and nothing else.")


def _with_releases(calls: list[Call], first_node: int, output: int) -> list[Call]:
    """Each call releases the nodes' values that it is the last to read, or that it computes and nobody reads."""
    last_use: dict[int, int] = {}
    for position, call in enumerate(calls):
        for index in (*call.reads, call.output):
            last_use[index] = position
    releases: list[list[int]] = [[] for _ in calls]
    for index, position in last_use.items():
        if index >= first_node and index != output:
            releases[position].append(index)
    return [replace(call, releases=tuple(indices)) for call, indices in zip(calls, releases, strict=True)]


def _load(argument: Any, values: Sequence[Any] | Mapping[int, Any]) -> Any:
    if isinstance(argument, ValueRef):
        return values[argument.index]
    if isinstance(argument, list):
        return [_load(item, values) for item in argument]
    return argument
