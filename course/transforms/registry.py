"""Which torchvision transforms a recipe may use, and within which bounds.

A spec comes from the student's process, so every class is looked up here and every option is checked here before
torchvision sees it. The bounds keep the largest image at a few megapixels and the work per image small.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.errors import SpecError
from course.spec import Transform

MAX_TRANSFORMS = 64  # of one pipeline, nested ones included
MAX_ENLARGING = 2  # they add up, and a batch may hold thousands of images
MAX_SIDE = 64  # pixels
MAX_PADDING = 28
CONTAINERS = frozenset({"Compose", "RandomApply", "RandomChoice", "RandomOrder"})
DTYPES = {"float32": torch.float32, "uint8": torch.uint8}


@dataclass(frozen=True)
class Check:
    """One kind of option: what it must be, in words, and the function that turns it into torchvision's argument.

    `convert` raises ValueError for a value that is not of the kind.
    """

    says: str
    convert: Callable[[Any], Any]


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def number(low: float, high: float) -> Check:
    def convert(value):
        _require(type(value) in (int, float) and low <= value <= high)
        return value

    return Check(f"a number from {low:g} to {high:g}", convert)


def integer(low: int, high: int, odd: bool = False) -> Check:
    def convert(value):
        _require(type(value) is int and low <= value <= high and (value % 2 == 1 or not odd))
        return value

    return Check(f"an {'odd ' if odd else ''}integer from {low} to {high}", convert)


def only(*values: bool | str | None) -> Check:
    def convert(value):
        _require(any(value is allowed or (type(value) is str and value == allowed) for allowed in values))
        return value

    return Check(" or ".join(map(str, values)), convert)


def named(values: Mapping[str, Any]) -> Check:
    """A word that stands for an object, such as a dtype."""

    def convert(value):
        _require(type(value) is str and value in values)
        return values[value]

    return Check(" or ".join(values), convert)


def several(check: Check, *lengths: int) -> Check:
    def convert(value):
        _require(isinstance(value, tuple | list) and len(value) in lengths)
        return [check.convert(item) for item in value]

    counts = " or ".join(map(str, lengths)) if len(lengths) < 4 else f"{lengths[0]} to {lengths[-1]}"
    return Check(f"{counts} values, each {check.says}", convert)


def interval(low: float, high: float, pairs: tuple[int, ...] = (1,)) -> Check:
    """(least, greatest); with `pairs` (1, 2) also two of these in one row."""
    bound = several(number(low, high), *(2 * n for n in pairs))

    def convert(value):
        bounds = bound.convert(value)
        _require(all(least <= greatest for least, greatest in zip(bounds[::2], bounds[1::2], strict=True)))
        return tuple(bounds)

    return Check(
        f"{' or '.join(str(2 * n) for n in pairs)} numbers from {low:g} to {high:g}, the smaller of two first", convert
    )


def either(*checks: Check) -> Check:
    def convert(value):
        for check in checks:
            try:
                return check.convert(value)
            except ValueError:
                continue
        raise ValueError

    return Check(", or ".join(check.says for check in checks), convert)


@dataclass(frozen=True)
class Row:
    """One class. `random`: it draws; `enlarges`: it may make an image larger than any bound on one option says."""

    options: Mapping[str, Check]
    random: bool = True
    v1: bool = True
    v2: bool = True
    enlarges: bool = False


NONE, FLAG = only(None), only(True, False)
P, SIDE = number(0, 1), integer(1, MAX_SIDE)
SIZE = several(SIDE, 1, 2)
PADDING = either(integer(0, MAX_PADDING), several(integer(0, MAX_PADDING), 1, 2, 4))
PADDING_MODE = only("constant", "edge", "reflect", "symmetric")
LEVEL = number(-1000, 1000)
FILL = either(LEVEL, several(LEVEL, 1), NONE)
DEGREES = interval(-360, 360)
CENTER = either(several(number(0, MAX_SIDE), 2), NONE)
MODE = named({mode.value: mode for mode in v1.InterpolationMode})
ANTIALIAS = only(True, False, None)
STD = number(1e-6, 1e6)
JITTER = either(number(0, 0), interval(0, 10))
POLICY = named({policy.value: policy for policy in v1.AutoAugmentPolicy})
BINS = integer(2, 256)
WARP = named({word: v1.InterpolationMode(word) for word in ("nearest", "bilinear", "bicubic")})
GEOMETRY = {"interpolation": WARP, "fill": FILL}
CHANCE = {"p": P}

TABLE: Mapping[str, Row] = {
    # containers; their transforms are the spec's `children`
    "Compose": Row({}, random=False, v2=False),  # v2's does the same
    "RandomApply": Row(CHANCE),
    "RandomChoice": Row({"p": either(several(number(0, 1000), *range(1, MAX_TRANSFORMS + 1)), NONE)}),
    "RandomOrder": Row({}),
    # between PIL images, bytes and floats
    "ToTensor": Row({}, random=False),
    "PILToTensor": Row({}, random=False),
    "ToPILImage": Row({"mode": only("L", None)}, random=False),
    "ToImage": Row({}, random=False, v1=False),
    "ToPureTensor": Row({}, random=False, v1=False),
    "ToDtype": Row({"dtype": named(DTYPES), "scale": FLAG}, random=False, v1=False),
    "ConvertImageDtype": Row({"dtype": named(DTYPES)}, random=False),
    "Identity": Row({}, random=False, v1=False),
    "Grayscale": Row({"num_output_channels": integer(1, 3)}, random=False),
    "Normalize": Row(
        {"mean": either(LEVEL, several(LEVEL, 1)), "std": either(STD, several(STD, 1)), "inplace": FLAG}, random=False
    ),
    # sizes
    "Resize": Row(
        {
            "size": either(SIDE, SIZE, NONE),
            "interpolation": MODE,
            "max_size": either(SIDE, NONE),
            "antialias": ANTIALIAS,
        },
        random=False,
    ),
    "CenterCrop": Row({"size": SIZE}, random=False),
    "Pad": Row({"padding": PADDING, "fill": FILL, "padding_mode": PADDING_MODE}, random=False, enlarges=True),
    "RandomCrop": Row(
        {
            "size": SIZE,
            "padding": either(PADDING, NONE),
            "pad_if_needed": FLAG,
            "fill": FILL,
            "padding_mode": PADDING_MODE,
        }
    ),
    "RandomResizedCrop": Row(
        {
            "size": SIZE,
            "scale": interval(0.001, 1),
            "ratio": interval(0.1, 10),
            "interpolation": MODE,
            "antialias": ANTIALIAS,
        }
    ),
    "RandomZoomOut": Row({"fill": FILL, "side_range": interval(1, 2), "p": P}, v1=False, enlarges=True),
    # geometry
    "RandomHorizontalFlip": Row(CHANCE),
    "RandomVerticalFlip": Row(CHANCE),
    "RandomRotation": Row({"degrees": DEGREES, "expand": FLAG, "center": CENTER, **GEOMETRY}, enlarges=True),
    "RandomAffine": Row(
        {
            "degrees": DEGREES,
            "translate": either(several(P, 2), NONE),
            "scale": either(interval(0.01, 10), NONE),
            "shear": either(interval(-80, 80, pairs=(1, 2)), NONE),
            "center": CENTER,
            **GEOMETRY,
        }
    ),
    "RandomPerspective": Row({"distortion_scale": P, "p": P, **GEOMETRY}),
    "ElasticTransform": Row(
        {"alpha": several(number(0, 1000), 2), "sigma": several(number(0, 6), 2), **GEOMETRY},
    ),
    # grey levels
    "ColorJitter": Row(
        {
            "brightness": JITTER,
            "contrast": JITTER,
            "saturation": JITTER,
            "hue": either(number(0, 0), interval(-0.5, 0.5)),
        }
    ),
    "RandomGrayscale": Row(CHANCE),
    "RandomInvert": Row(CHANCE),
    "RandomPosterize": Row({"bits": integer(1, 8), "p": P}),
    "RandomSolarize": Row({"threshold": number(0, 256), "p": P}),
    "RandomAdjustSharpness": Row({"sharpness_factor": number(0, 10), "p": P}),
    "RandomAutocontrast": Row(CHANCE),
    "RandomEqualize": Row(CHANCE),
    "GaussianBlur": Row({"kernel_size": several(integer(1, 31, odd=True), 2), "sigma": interval(0.01, 30)}),
    "GaussianNoise": Row({"mean": number(-10, 10), "sigma": number(0, 10), "clip": FLAG}, v1=False),
    "RandomErasing": Row(
        {
            "p": P,
            "scale": interval(0, 1),
            "ratio": interval(0.01, 100),
            "value": either(LEVEL, several(LEVEL, 1), only("random")),
            "inplace": FLAG,
        }
    ),
    # policies
    "AutoAugment": Row({"policy": POLICY, **GEOMETRY}),
    "RandAugment": Row(
        {"num_ops": integer(0, 8), "magnitude": integer(0, 255), "num_magnitude_bins": BINS, **GEOMETRY}
    ),
    "TrivialAugmentWide": Row({"num_magnitude_bins": BINS, **GEOMETRY}),
    "AugMix": Row(
        {
            "severity": integer(1, 10),
            "mixture_width": integer(1, 5),
            "chain_depth": integer(-1, 5),
            "alpha": number(0.01, 100),
            "all_ops": FLAG,
            **GEOMETRY,
        }
    ),
}

CLASSES: Mapping[tuple[str, bool], type] = {
    (name, is_v2): getattr(v2 if is_v2 else v1, name)
    for name, row in TABLE.items()
    for is_v2 in (False, True)
    if (row.v2 if is_v2 else row.v1)
}


def arguments(spec: Transform) -> dict[str, Any]:
    """The options as torchvision's constructor takes them. Raises SpecError for a name, option or value not allowed."""
    if (spec.name, spec.v2) not in CLASSES:
        raise SpecError(
            f"There is no transform {spec.name!r} {'of torchvision.transforms.v2 ' if spec.v2 else ''}"
            f"that a recipe may use. Allowed are {', '.join(sorted(TABLE))}."
        )
    checks = TABLE[spec.name].options
    if wrong := sorted(set(spec.options) ^ set(checks)):
        raise SpecError(f"{spec.name} takes the options {', '.join(checks) or 'none'}: look at {', '.join(wrong)}.")
    result = {}
    for option, check in checks.items():
        try:
            result[option] = check.convert(spec.options[option])
        except ValueError:
            value = str(spec.options[option])[:60]
            raise SpecError(f"{spec.name}({option}={value}) is not allowed: {option} must be {check.says}.") from None
    return result


def check(specs: Iterable[Transform]) -> None:
    """Check untrusted specs, nested ones too. Raises SpecError."""
    everything = list(flat(specs))
    if len(everything) > MAX_TRANSFORMS:
        raise SpecError(f"The pipeline has {len(everything)} transforms, and {MAX_TRANSFORMS} are allowed.")
    for spec in everything:
        arguments(spec)
        if (spec.name in CONTAINERS) != bool(spec.children):
            wants = "at least one transform" if spec.name in CONTAINERS else "no transforms"
            raise SpecError(f"{spec.name} takes {wants} inside it, and was given {len(spec.children)}.")
        if spec.options.get("magnitude", 0) >= spec.options.get("num_magnitude_bins", 1):
            raise SpecError(
                f"{spec.name}(magnitude={spec.options['magnitude']}) is not below num_magnitude_bins="
                f"{spec.options['num_magnitude_bins']}, which counts the magnitudes from 0. Lower the one or raise "
                f"the other."
            )
        weights = spec.options.get("p") if spec.name == "RandomChoice" else None
        if weights is not None and (len(weights) != len(spec.children) or sum(weights) <= 0):
            raise SpecError(
                f"RandomChoice has {len(spec.children)} transforms and {len(weights)} weights p that sum to "
                f"{sum(weights):g}: give one weight for each transform, not all of them 0."
            )
    enlarging = sum(TABLE[s.name].enlarges and s.options.get("expand", True) for s in everything)
    if enlarging > MAX_ENLARGING:
        raise SpecError(
            f"{enlarging} transforms make the image larger (Pad, RandomZoomOut, RandomRotation with expand=True), "
            f"and {MAX_ENLARGING} are allowed: take one with the sum of what they add."
        )


def flat(specs: Iterable[Transform]) -> Iterable[Transform]:
    """Each spec, followed by the ones inside it."""
    for spec in specs:
        yield spec
        yield from flat(spec.children)


def construct(spec: Transform) -> Any:
    """The torchvision object for a spec. Raises SpecError."""
    options = arguments(spec)
    children = ([construct(child) for child in spec.children],) if spec.name in CONTAINERS else ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # v2.ToTensor announces its end each time
            return CLASSES[spec.name, spec.v2](*children, **options)
    except (TypeError, ValueError) as error:
        raise SpecError(f"torchvision does not take {spec.name} with these options: {error}") from error
