"""Transforms in words, and whether they draw."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from course.spec import Transform, TransformOption
from course.transforms.registry import CLASSES, CONTAINERS, TABLE, check, flat

DEGREES = {"degrees", "shear"}


def is_random(specs: Iterable[Transform]) -> bool:
    """Whether any of the transforms draws a random number. Raises SpecError for invalid specs."""
    specs = tuple(specs)
    check(specs)
    return any(TABLE[spec.name].random for spec in flat(specs))


def describe(specs: Iterable[Transform]) -> str:
    """One line for people: 'RandomRotation(±7°), ToTensor, Normalize(0.1307, 0.3081)'. Raises SpecError."""
    specs = tuple(specs)
    check(specs)
    return ", ".join(map(_describe, specs)) or "no transforms"


def _describe(spec: Transform) -> str:
    parts = [_describe(child) for child in spec.children]
    parameters = inspect.signature(CLASSES[spec.name, spec.v2]).parameters
    for option, parameter in parameters.items():
        if option not in spec.options or (spec.name in CONTAINERS and option == "transforms"):
            continue
        value = _value(spec.options[option], option)
        if parameter.default is inspect.Parameter.empty:
            parts.append(value)
        elif value != _value(getattr(parameter.default, "value", parameter.default), option):
            parts.append(f"{option}={value}")
    return f"{spec.name}({', '.join(parts)})" if parts else spec.name


def _value(value: TransformOption, option: str) -> str:
    unit = "°" if option in DEGREES else ""
    if isinstance(value, tuple | list):
        if len(set(value)) == 1:
            return _value(value[0], option)
        if len(value) == 2 and value[0] == -value[1]:
            return f"±{_value(value[1], option)}"
        return f"({', '.join(_value(item, option) for item in value)})"
    if value is None:
        return "0"  # what None stands for in fill, padding, jitter
    return f"{value + 0:g}{unit}" if type(value) in (int, float) else str(value)
