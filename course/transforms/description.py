"""Transforms as one line of text, and whether they draw random numbers."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from course.spec import Transform, TransformOption
from course.transforms.construction import check_transforms, flatten
from course.transforms.registry import CLASSES, CONTAINERS, REGISTRY

DEGREE_OPTIONS = {"degrees", "shear"}


def is_random(specs: Iterable[Transform]) -> bool:
    """Whether chance changes what any of the transforms does. Raises SpecError for invalid specs."""
    specs = tuple(specs)
    check_transforms(specs)
    return any(REGISTRY[spec.name].random and not _leaves_nothing_to_chance(spec) for spec in flatten(specs))


def _leaves_nothing_to_chance(spec: Transform) -> bool:
    """Whether its probability is 0 or 1, or its intervals are points: GaussianBlur(3, sigma=1.0) always does the same.

    The transforms inside a container are looked at by themselves.
    """
    drawn = REGISTRY[spec.name].drawn
    return bool(drawn) and spec.options.get("translate") is None and all(_is_point(spec.options[o]) for o in drawn)


def _is_point(value: TransformOption) -> bool:
    if isinstance(value, tuple | list):
        return all(low == high for low, high in zip(value[::2], value[1::2], strict=True))
    return value is None or value in (0, 1)


def describe(specs: Iterable[Transform]) -> str:
    """One line for people: 'RandomRotation(±7°), ToTensor, Normalize(0.1307, 0.3081)'. Raises SpecError."""
    specs = tuple(specs)
    check_transforms(specs)
    return ", ".join(map(_describe_one, specs)) or "no transforms"


def _describe_one(spec: Transform) -> str:
    """The name, what is inside it, and the options that differ from their defaults."""
    parts = [_describe_one(child) for child in spec.children]
    parameters = inspect.signature(CLASSES[spec.name, spec.v2]).parameters
    for option, parameter in parameters.items():
        if option not in spec.options or (spec.name in CONTAINERS and option == "transforms"):
            continue
        value = _format_value(spec.options[option], option)
        default = getattr(parameter.default, "value", parameter.default)  # of an enum its value
        if parameter.default is inspect.Parameter.empty:
            parts.append(value)
        elif value != _format_value(default, option):
            parts.append(f"{option}={value}")
    return f"{spec.name}({', '.join(parts)})" if parts else spec.name


def _format_value(value: TransformOption, option: str) -> str:
    if isinstance(value, tuple | list):
        if len(set(value)) == 1:
            return _format_value(value[0], option)
        if _is_symmetric(value):
            return f"±{_format_value(value[1], option)}"
        return f"({', '.join(_format_value(item, option) for item in value)})"
    if value is None:
        return "0"  # what None stands for in fill, padding, jitter
    if isinstance(value, int | float) and not isinstance(value, bool):
        unit = "°" if option in DEGREE_OPTIONS else ""
        return f"{value + 0:g}{unit}"  # adding 0 turns -0.0 into 0
    return str(value)


def _is_symmetric(interval: tuple[TransformOption, ...] | list[TransformOption]) -> bool:
    if len(interval) != 2:
        return False
    low, high = interval
    return isinstance(low, int | float) and isinstance(high, int | float) and low == -high
