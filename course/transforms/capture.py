"""A torchvision pipeline, v1 or v2, as plain data."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.errors import RecipeError
from course.recipe import INSTEAD_OF_MIXING
from course.spec import Transform, TransformOption
from course.transforms.construction import check_transforms, constructor_arguments
from course.transforms.registry import CLASSES, CONTAINERS, DTYPES, REGISTRY

KEYS = {cls: key for key, cls in CLASSES.items()}  # class -> (name, whether it is v2's)
SEQUENCES = (v1.Compose, v2.Compose, nn.Sequential, nn.ModuleList, list, tuple)
MAX_DEPTH = 8  # containers within containers; the spec's JSON allows no more
MAX_VALUES = 64  # in one option
PIL_INTERPOLATIONS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
ALTERNATIVES = "Use torchvision's own transforms, such as RandomAffine, RandomErasing, ColorJitter or Normalize."


def capture_transforms(pipeline: Any) -> tuple[Transform, ...]:
    """The classes and constructor options of `pipeline` as specs.

    `pipeline` is a Compose (nested ones are flattened), a list, or a single transform, all of them of exactly
    torchvision's classes. Raises RecipeError for anything that is more than a class and its options.
    """
    specs = tuple(_capture_all(pipeline, 0))
    check_transforms(specs)
    return specs


def _capture_all(pipeline: Any, depth: int) -> Iterator[Transform]:
    if depth > MAX_DEPTH:
        raise RecipeError(f"The transforms are nested more than {MAX_DEPTH} deep. Put them into one Compose.")
    if type(pipeline) in SEQUENCES:
        for transform in _items(pipeline):
            yield from _capture_all(transform, depth + 1)
    else:
        yield _capture_one(pipeline, depth)


def _items(container: Any) -> list[Any]:
    items = getattr(container, "transforms", container)
    if type(items) not in SEQUENCES:
        raise RecipeError(f"{type(container).__name__} takes a list of transforms, and was given {items!r:.60}.")
    return list(items.transforms if isinstance(items, v1.Compose | v2.Compose) else items)


def _capture_one(transform: Any, depth: int) -> Transform:
    if type(transform) not in KEYS:
        raise RecipeError(_refusal(transform))
    name, is_v2 = KEYS[type(transform)]
    if "forward" in vars(transform):
        raise RecipeError(
            f"{name} has had its forward method replaced, and only its options are captured. {ALTERNATIVES}"
        )
    options = {option: _capture_option(transform, option, name, is_v2) for option in REGISTRY[name].options}
    # model_construct checks nothing: a message about the option's bounds says more than pydantic's about the schema
    constructor_arguments(Transform.model_construct(name=name, v2=is_v2, options=options))
    children = tuple(_children(transform, name, depth)) if name in CONTAINERS else ()
    return Transform(name=name, v2=is_v2, options=options, children=children)


def _children(container: Any, name: str, depth: int) -> Iterator[Transform]:
    for transform in _items(container):
        specs = tuple(_capture_all(transform, depth + 1))
        if name == "RandomApply" or len(specs) == 1:
            yield from specs
        else:  # several transforms that are one alternative, or one place in the order
            yield Transform(name="Compose", children=specs)


def _capture_option(transform: Any, option: str, name: str, is_v2: bool) -> TransformOption:
    """The constructor's argument, from the attribute; torchvision stores a few of them in another form."""
    value = _plain_value(getattr(transform, option), f"{name}({option})")
    if option == "interpolation" and type(value) is int:
        return PIL_INTERPOLATIONS.get(value, value)
    if name == "ColorJitter" and value is None:
        return 0
    if name == "RandomErasing" and option == "value" and value is None:
        return "random"
    if name == "RandomCrop" and option == "padding" and is_v2 and isinstance(value, tuple):
        left, right, top, bottom = value
        return left, top, right, bottom
    return value


def _plain_value(value: Any, name: str) -> TransformOption:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.dtype):
        dtype_names = {dtype: dtype_name for dtype_name, dtype in DTYPES.items()}
        return dtype_names.get(value, str(value).removeprefix("torch."))
    if isinstance(value, torch.Tensor | np.ndarray) and np.prod(value.shape) <= MAX_VALUES:
        return _plain_value(value.tolist(), name)
    if isinstance(value, Sequence) and len(value) <= MAX_VALUES:
        return tuple(_plain_value(item, name) for item in value)
    raise RecipeError(f"{name} is of type {type(value).__name__}. Give a number, a string, or a short list of numbers.")


def _refusal(transform: Any) -> str:
    name = getattr(transform, "__name__", type(transform).__name__)
    if isinstance(transform, type):
        return f"{name} is a class, not a transform. Write {name}(...), with its options in the parentheses."
    if type(transform) in (v1.Lambda, v2.Lambda):
        return f"Lambda runs a Python function, and a recipe's transforms must be plain data. {ALTERNATIVES}"
    parent = next((cls for cls in type(transform).__mro__ if cls in KEYS), None)
    if parent is not None:
        return (
            f"{name} is a subclass of {parent.__name__}, and a recipe's transforms must be exactly torchvision's, "
            f"because only their options are captured. Use {parent.__name__} itself."
        )
    if re.search("mixup|cutmix", name.lower()):  # torchvision's, or the student's own
        return f"{name} cannot be a transform, which is given one image without its label. {INSTEAD_OF_MIXING}"
    if type(transform).__module__.startswith("torchvision."):
        return f"{name} cannot be part of a recipe. Allowed are {', '.join(sorted(REGISTRY))}."
    return f"{name!r} is Python code of your own, and a recipe's transforms must be plain data. {ALTERNATIVES}"
