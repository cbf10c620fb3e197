"""From specs to torchvision's objects. Specs are untrusted: nothing is constructed before it was checked here."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from course.errors import SpecError
from course.spec import Transform
from course.transforms.registry import CLASSES, CONTAINERS, MAX_TRANSFORMS, REGISTRY

MAX_ENLARGING = 2  # their borders add up, and a batch may hold thousands of images


def check_transforms(specs: Iterable[Transform]) -> None:
    """Check untrusted specs, nested ones too. Raises SpecError."""
    all_specs = list(flatten(specs))
    if len(all_specs) > MAX_TRANSFORMS:
        raise SpecError(f"The pipeline has {len(all_specs)} transforms, and {MAX_TRANSFORMS} are allowed.")
    for spec in all_specs:
        arguments = constructor_arguments(spec)
        _check_children(spec)
        _check_magnitude(spec.name, arguments)
        if spec.name == "RandomChoice":
            _check_weights(len(spec.children), arguments["p"])
    enlarging = sum(REGISTRY[s.name].enlarges and bool(s.options.get("expand", True)) for s in all_specs)
    if enlarging > MAX_ENLARGING:
        raise SpecError(
            f"{enlarging} transforms make the image larger (Pad, RandomZoomOut, RandomRotation with expand=True), "
            f"and {MAX_ENLARGING} are allowed: take one with the sum of what they add."
        )


def flatten(specs: Iterable[Transform]) -> Iterator[Transform]:
    """Each spec, followed by the ones inside it."""
    for spec in specs:
        yield spec
        yield from flatten(spec.children)


def constructor_arguments(spec: Transform) -> dict[str, Any]:
    """The options as torchvision's constructor takes them. Raises SpecError for a name, option or value not allowed."""
    if (spec.name, spec.v2) not in CLASSES:
        raise SpecError(
            f"There is no transform {spec.name!r} {'of torchvision.transforms.v2 ' if spec.v2 else ''}"
            f"that a recipe may use. Allowed are {', '.join(sorted(REGISTRY))}."
        )
    option_types = REGISTRY[spec.name].options
    if unexpected := sorted(set(spec.options) ^ set(option_types)):
        raise SpecError(
            f"{spec.name} takes the options {', '.join(option_types) or 'none'}: look at {', '.join(unexpected)}."
        )
    arguments = {}
    for option, option_type in option_types.items():
        try:
            arguments[option] = option_type.convert(spec.options[option])
        except ValueError:
            value = str(spec.options[option])[:60]
            raise SpecError(
                f"{spec.name}({option}={value}) is not allowed: {option} must be {option_type.description}."
            ) from None
    return arguments


def _check_children(spec: Transform) -> None:
    if (spec.name in CONTAINERS) != bool(spec.children):
        expected = "at least one transform" if spec.name in CONTAINERS else "no transforms"
        raise SpecError(f"{spec.name} takes {expected} inside it, and was given {len(spec.children)}.")


def _check_magnitude(name: str, arguments: Mapping[str, Any]) -> None:
    magnitude, bins = arguments.get("magnitude", 0), arguments.get("num_magnitude_bins", 1)
    if magnitude >= bins:
        raise SpecError(
            f"{name}(magnitude={magnitude}) is not below num_magnitude_bins={bins}, which counts the magnitudes from "
            f"0. Lower the one or raise the other."
        )


def _check_weights(transforms: int, weights: list[float] | None) -> None:
    if weights is not None and (len(weights) != transforms or sum(weights) <= 0):
        raise SpecError(
            f"RandomChoice has {transforms} transforms and {len(weights)} weights p that sum to {sum(weights):g}: "
            f"give one weight for each transform, not all of them 0."
        )


def construct(spec: Transform) -> Any:
    """The torchvision object for a spec. Raises SpecError."""
    arguments = constructor_arguments(spec)
    children = ([construct(child) for child in spec.children],) if spec.name in CONTAINERS else ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # v2.ToTensor warns each time that it is deprecated
            return CLASSES[spec.name, spec.v2](*children, **arguments)
    except (TypeError, ValueError) as error:
        raise SpecError(f"torchvision does not take {spec.name} with these options: {error}") from error
