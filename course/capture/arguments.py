"""Arguments of an operator call -> the spec's arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import torch

from course import spec
from course.errors import RecipeError

DTYPE_NAMES: dict[torch.dtype, spec.DtypeName] = {getattr(torch, name): name for name in get_args(spec.DtypeName)}


def to_spec_argument(value: object, reference: Callable[[Any], spec.Reference]) -> spec.Argument:
    """`value` as an argument of a spec's node; `reference` gives what a tensor or graph node is called there.

    Raises RecipeError for anything that a spec cannot contain.
    """
    if isinstance(value, torch.Tensor | torch.fx.Node):
        return reference(value)
    if isinstance(value, list | tuple):
        return tuple(to_spec_argument(item, reference) for item in value)
    if isinstance(value, torch.dtype):
        return to_spec_dtype(value)
    if isinstance(value, float):
        require_finite(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.device | torch.layout | torch.memory_format | torch.Generator):
        return None  # the grader chooses these; keywords with such values are dropped
    if isinstance(value, torch.UntypedStorage):
        raise RecipeError(
            "Building the model reads numbers from a file or from bytes (torch.load). Initial weights come from "
            "torch's random and fill functions (torch.nn.init); pretrained ones are not accepted."
        )
    raise RecipeError(f"The model uses {type(value).__name__} inside an operation, which cannot be captured.")


def to_spec_dtype(dtype: torch.dtype) -> spec.Dtype:
    """Raises RecipeError for a type that a spec cannot contain."""
    if dtype not in DTYPE_NAMES:
        name = str(dtype).removeprefix("torch.")
        raise RecipeError(f"The model uses numbers of type {name}. Use one of {', '.join(DTYPE_NAMES.values())}.")
    return spec.Dtype(dtype=DTYPE_NAMES[dtype])


def require_finite(number: float) -> None:
    """Raises RecipeError for infinities and NaN."""
    if not math.isfinite(number):
        raise RecipeError(f"The model uses the number {number}. Use a large finite one instead, such as 1e9 or -1e9.")
