"""Arguments of an operator call -> the spec's arguments."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from course import spec
from course.errors import RecipeError


def operator_name(op) -> str:
    """`aten.conv2d.default` for the operator of that name."""
    return str(op)


def plain(value, reference: Callable | None):
    """`value` as a spec argument; `reference(x)` names a tensor or graph node x. Raises RecipeError."""
    if isinstance(value, torch.Tensor | torch.fx.Node):
        return reference(value)
    if isinstance(value, list | tuple):
        return tuple(plain(v, reference) for v in value)
    if isinstance(value, torch.dtype):
        return dtype(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(
            f"The model uses the number {value}. Use a large finite one, such as 1e9 or -1e9, in its place."
        )
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.device | torch.layout | torch.memory_format | torch.Generator):
        return None  # the grader's business; such keywords are dropped
    if isinstance(value, torch.UntypedStorage):
        raise RecipeError(
            "Building the model reads numbers from a file or from bytes (torch.load). Initial weights come from "
            "torch's random and fill functions (torch.nn.init); pretrained ones are not accepted."
        )
    raise RecipeError(f"The model uses {type(value).__name__} inside an operation, which cannot be captured.")


def dtype(value: torch.dtype) -> spec.Dtype:
    name = str(value).removeprefix("torch.")
    allowed = spec.Dtype.model_fields["dtype"].annotation.__args__
    if name not in allowed:
        raise RecipeError(f"The model uses numbers of type {name}. Use one of {', '.join(allowed)}.")
    return spec.Dtype(dtype=name)
