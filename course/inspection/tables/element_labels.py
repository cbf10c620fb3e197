"""Which elements of a table are copies of one another, followed through the operators that compute it.

Each element of a value has a label: a number of its own, or that of the element which it is a copy of, whatever the two
are worth. Values would not do: 8-bit numbers have 256 of them, and signs have two. `DEPENDS` marks an element that
depends on the images. Labels are float64, so that every operator that moves elements can move them too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from course.inspection.tables.operator_kinds import EACH, FILL, KEEP, MOVE, MOVE_BY_INDEX, base_name, is_in_place
from course.network.program import Call

DEPENDS = -1.0
CONSTANT = 0.0  # what a padding or a triangle is filled with


class Labels:
    """Gives out labels that nobody else has."""

    def __init__(self) -> None:
        self._next = 1

    def fresh(self, shape: Sequence[int]) -> Tensor:
        """A label of its own for each element."""
        size = torch.Size(shape).numel()
        start, self._next = self._next, self._next + size
        return torch.arange(start, start + size, dtype=torch.float64).reshape(tuple(shape))

    def by_value(self, values: Tensor) -> Tensor:
        """One label for each different value."""
        _, inverse = torch.unique(values, return_inverse=True)
        return self._numbered(inverse)

    def relabelled(self, labels: Tensor) -> Tensor:
        """The same copies under new labels: a function of each element."""
        _, inverse = torch.unique(labels, return_inverse=True)
        return torch.where(labels == DEPENDS, labels, self._numbered(inverse))

    def combined(self, parts: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
        """Labels of a function of several tables, element by element: equal where all arguments are copies."""
        parts = [part.expand(tuple(shape)) for part in parts]
        depends = torch.stack([part == DEPENDS for part in parts]).any(0)
        varying = [part for part in parts if not is_one_number(part)] or list(parts[:1])
        code = varying[0]
        for part in varying[1:]:
            _, left = torch.unique(code, return_inverse=True)
            values, right = torch.unique(part, return_inverse=True)
            code = (left * len(values) + right).double()
        combined = varying[0].clone() if len(varying) == 1 else self.relabelled(code)
        return combined.masked_fill_(depends, DEPENDS)

    def _numbered(self, inverse: Tensor) -> Tensor:
        start, self._next = self._next, self._next + inverse.numel()
        labels: Tensor = inverse.double() + start
        return labels


def is_one_number(labels: Tensor) -> bool:
    """Whether all elements are copies of one."""
    return bool((labels == labels.flatten()[:1]).all())


def distinct(labels: Tensor) -> Tensor:
    """The labels of elements that do not depend on the images, once each, without constants of operators."""
    for axis, stride in reversed(list(enumerate(labels.stride()))):
        if stride == 0 and labels.shape[axis]:  # a broadcast, which may be very large
            labels = labels.select(axis, 0)
    found: Tensor = torch.unique(labels)
    return found[found > CONSTANT]


def moved_labels(
    call: Call, args: list[Any], kwargs: dict[str, Any], label_of: Callable[[Tensor], Tensor]
) -> Tensor | list[Tensor] | None:
    """The labels of the result of an operator that moves elements, by moving them; None for another operator.

    `args` and `kwargs` hold values; `label_of` gives the labels of one of them.
    """
    name = base_name(call)
    if name in KEEP:
        return label_of(args[0])
    if name in FILL:  # copy_ and fill_ take a tensor or a number, zero_ takes nothing
        source = next((argument for argument in args[1:] if isinstance(argument, Tensor)), None)
        labels = torch.tensor(CONSTANT, dtype=torch.float64) if source is None else label_of(source)
        return labels.expand(args[0].shape).clone()
    if name not in MOVE:
        return None
    if name in MOVE_BY_INDEX:
        args = [label_of(args[0]), *args[1:]]
    else:
        args, kwargs = _with_labels(args, label_of), {k: _with_labels(v, label_of) for k, v in kwargs.items()}
    if name in ("pad", "constant_pad_nd"):
        args, kwargs = args[: 3 if name == "pad" else 2], {k: v for k, v in kwargs.items() if k != "value"}
    if is_in_place(call):
        args = [args[0].clone(), *args[1:]]
    result = call.op(*args, **kwargs)
    return list(result) if isinstance(result, tuple | list) else result


def _with_labels(argument: Any, label_of: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(argument, Tensor):
        return label_of(argument)
    return [_with_labels(item, label_of) for item in argument] if isinstance(argument, list) else argument


def computes_each(call: Call) -> bool:
    """Whether each element of the result depends on the elements at its own place alone."""
    return base_name(call) in EACH
