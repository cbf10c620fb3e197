"""The kinds of values that an option of a transform may have: ranges, choices, and sequences of them.

angle = interval(-360, 360)
angle.convert((-7, 7))      # (-7, 7), torchvision's argument; ValueError for anything else
angle.description           # completes the sentence "degrees must be ..."
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OptionType:
    """What an option accepts: `convert` turns a spec's value into torchvision's argument, or raises ValueError."""

    description: str
    convert: Callable[[object], Any]


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def number(low: float, high: float) -> OptionType:
    def convert(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError
        _require(low <= value <= high)
        return value

    return OptionType(f"a number from {low:g} to {high:g}", convert)


def integer(low: int, high: int, odd: bool = False) -> OptionType:
    def convert(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError
        _require(low <= value <= high and (value % 2 == 1 or not odd))
        return value

    return OptionType(f"an {'odd ' if odd else ''}integer from {low} to {high}", convert)


def literal(*values: bool | str | None) -> OptionType:
    """One of `values`; 1 is not taken for True."""

    def convert(value: object) -> object:
        _require(any(value is allowed or (type(value) is str and value == allowed) for allowed in values))
        return value

    return OptionType(" or ".join(map(str, values)), convert)


def choice(values: Mapping[str, Any]) -> OptionType:
    """A name that stands for an object, such as a dtype."""

    def convert(value: object) -> Any:
        if not isinstance(value, str) or value not in values:
            raise ValueError
        return values[value]

    return OptionType(" or ".join(values), convert)


def sequence(item_type: OptionType, *lengths: int) -> OptionType:
    """A list of one of `lengths`."""

    def convert(value: object) -> list[Any]:
        if not isinstance(value, tuple | list) or len(value) not in lengths:
            raise ValueError
        return [item_type.convert(item) for item in value]

    counts = " or ".join(map(str, lengths)) if len(lengths) < 4 else f"{lengths[0]} to {lengths[-1]}"
    return OptionType(f"{counts} values, each {item_type.description}", convert)


def interval(low: float, high: float, pairs: tuple[int, ...] = (1,)) -> OptionType:
    """(minimum, maximum), both from `low` to `high`; with `pairs` (1, 2) also two of these in one sequence."""
    bounds_type = sequence(number(low, high), *(2 * n for n in pairs))

    def convert(value: object) -> tuple[float, ...]:
        bounds: list[float] = bounds_type.convert(value)
        _require(all(minimum <= maximum for minimum, maximum in zip(bounds[::2], bounds[1::2], strict=True)))
        return tuple(bounds)

    counts = " or ".join(str(2 * n) for n in pairs)
    return OptionType(f"{counts} numbers from {low:g} to {high:g}, the smaller of two first", convert)


def any_of(*types: OptionType) -> OptionType:
    """What the first of `types` that accepts the value makes of it."""

    def convert(value: object) -> Any:
        for option_type in types:
            try:
                return option_type.convert(value)
            except ValueError:
                continue
        raise ValueError

    return OptionType(", or ".join(option_type.description for option_type in types), convert)
