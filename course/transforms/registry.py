"""Which torchvision transforms a recipe may use, with which options, and within which bounds.

The bounds keep the largest image at a few megapixels and the work per image small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.transforms.option_types import OptionType, any_of, choice, integer, interval, literal, number, sequence

MAX_SIDE = 64  # pixels
MAX_PADDING = 28
MAX_TRANSFORMS = 64  # of one pipeline, nested ones included
CONTAINERS = frozenset({"Compose", "RandomApply", "RandomChoice", "RandomOrder"})
DTYPES = {"float32": torch.float32, "uint8": torch.uint8}


@dataclass(frozen=True)
class RegistryEntry:
    """One class of torchvision.transforms (`v1`), of torchvision.transforms.v2 (`v2`), or of both."""

    options: Mapping[str, OptionType]
    random: bool = True  # it draws random numbers
    drawn: tuple[str, ...] = ()  # all that it draws lies in these options: a probability, or an interval
    v1: bool = True
    v2: bool = True
    enlarges: bool = False  # several of them together may exceed MAX_SIDE


NONE, FLAG = literal(None), literal(True, False)
PROBABILITY, SIDE = number(0, 1), integer(1, MAX_SIDE)
SIZE = sequence(SIDE, 1, 2)
PADDING = any_of(integer(0, MAX_PADDING), sequence(integer(0, MAX_PADDING), 1, 2, 4))
PADDING_MODE = literal("constant", "edge", "reflect", "symmetric")
PIXEL_VALUE = number(-1000, 1000)
FILL = any_of(PIXEL_VALUE, sequence(PIXEL_VALUE, 1), NONE)
DEGREES = interval(-360, 360)
CENTER = any_of(sequence(number(0, MAX_SIDE), 2), NONE)
INTERPOLATION = choice({mode.value: mode for mode in v1.InterpolationMode})
ANTIALIAS = literal(True, False, None)
STANDARD_DEVIATION = number(1e-6, 1e6)
JITTER = any_of(number(0, 0), interval(0, 10))
POLICY = choice({policy.value: policy for policy in v1.AutoAugmentPolicy})
MAGNITUDE_BINS = integer(2, 256)
WARP_INTERPOLATION = choice({name: v1.InterpolationMode(name) for name in ("nearest", "bilinear", "bicubic")})
WARP_OPTIONS = {"interpolation": WARP_INTERPOLATION, "fill": FILL}
WITH_PROBABILITY = {"p": PROBABILITY}

REGISTRY: Mapping[str, RegistryEntry] = {
    # containers, whose transforms are the spec's `children`
    "Compose": RegistryEntry({}, random=False, v2=False),  # v2's does the same
    "RandomApply": RegistryEntry(WITH_PROBABILITY, drawn=("p",)),
    "RandomChoice": RegistryEntry({"p": any_of(sequence(number(0, 1000), *range(1, MAX_TRANSFORMS + 1)), NONE)}),
    "RandomOrder": RegistryEntry({}),
    # between PIL images, bytes and floats
    "ToTensor": RegistryEntry({}, random=False),
    "PILToTensor": RegistryEntry({}, random=False),
    "ToPILImage": RegistryEntry({"mode": literal("L", None)}, random=False),
    "ToImage": RegistryEntry({}, random=False, v1=False),
    "ToPureTensor": RegistryEntry({}, random=False, v1=False),
    "ToDtype": RegistryEntry({"dtype": choice(DTYPES), "scale": FLAG}, random=False, v1=False),
    "ConvertImageDtype": RegistryEntry({"dtype": choice(DTYPES)}, random=False),
    "Identity": RegistryEntry({}, random=False, v1=False),
    "Grayscale": RegistryEntry({"num_output_channels": integer(1, 3)}, random=False),
    "Normalize": RegistryEntry(
        {
            "mean": any_of(PIXEL_VALUE, sequence(PIXEL_VALUE, 1)),
            "std": any_of(STANDARD_DEVIATION, sequence(STANDARD_DEVIATION, 1)),
            "inplace": FLAG,
        },
        random=False,
    ),
    # sizes
    "Resize": RegistryEntry(
        {
            "size": any_of(SIDE, SIZE, NONE),
            "interpolation": INTERPOLATION,
            "max_size": any_of(SIDE, NONE),
            "antialias": ANTIALIAS,
        },
        random=False,
    ),
    "CenterCrop": RegistryEntry({"size": SIZE}, random=False),
    "Pad": RegistryEntry({"padding": PADDING, "fill": FILL, "padding_mode": PADDING_MODE}, random=False, enlarges=True),
    "RandomCrop": RegistryEntry(
        {
            "size": SIZE,
            "padding": any_of(PADDING, NONE),
            "pad_if_needed": FLAG,
            "fill": FILL,
            "padding_mode": PADDING_MODE,
        }
    ),
    "RandomResizedCrop": RegistryEntry(
        {
            "size": SIZE,
            "scale": interval(0.001, 1),
            "ratio": interval(0.1, 10),
            "interpolation": INTERPOLATION,
            "antialias": ANTIALIAS,
        }
    ),
    "RandomZoomOut": RegistryEntry(
        {"fill": FILL, "side_range": interval(1, 2), "p": PROBABILITY}, v1=False, enlarges=True
    ),
    # geometry
    "RandomHorizontalFlip": RegistryEntry(WITH_PROBABILITY, drawn=("p",)),
    "RandomVerticalFlip": RegistryEntry(WITH_PROBABILITY, drawn=("p",)),
    "RandomRotation": RegistryEntry(
        {"degrees": DEGREES, "expand": FLAG, "center": CENTER, **WARP_OPTIONS}, drawn=("degrees",), enlarges=True
    ),
    "RandomAffine": RegistryEntry(
        {
            "degrees": DEGREES,
            "translate": any_of(sequence(PROBABILITY, 2), NONE),
            "scale": any_of(interval(0.01, 10), NONE),
            "shear": any_of(interval(-80, 80, pairs=(1, 2)), NONE),
            "center": CENTER,
            **WARP_OPTIONS,
        },
        drawn=("degrees", "scale", "shear"),
    ),
    "RandomPerspective": RegistryEntry({"distortion_scale": PROBABILITY, "p": PROBABILITY, **WARP_OPTIONS}),
    "ElasticTransform": RegistryEntry(
        {"alpha": sequence(number(0, 1000), 2), "sigma": sequence(number(0, 6), 2), **WARP_OPTIONS},
    ),
    # grey levels
    "ColorJitter": RegistryEntry(
        {
            "brightness": JITTER,
            "contrast": JITTER,
            "saturation": JITTER,
            "hue": any_of(number(0, 0), interval(-0.5, 0.5)),
        }
    ),
    "RandomGrayscale": RegistryEntry(WITH_PROBABILITY),
    "RandomInvert": RegistryEntry(WITH_PROBABILITY, drawn=("p",)),
    "RandomPosterize": RegistryEntry({"bits": integer(1, 8), "p": PROBABILITY}, drawn=("p",)),
    "RandomSolarize": RegistryEntry({"threshold": number(0, 256), "p": PROBABILITY}, drawn=("p",)),
    "RandomAdjustSharpness": RegistryEntry({"sharpness_factor": number(0, 10), "p": PROBABILITY}, drawn=("p",)),
    "RandomAutocontrast": RegistryEntry(WITH_PROBABILITY, drawn=("p",)),
    "RandomEqualize": RegistryEntry(WITH_PROBABILITY, drawn=("p",)),
    "GaussianBlur": RegistryEntry(
        {"kernel_size": sequence(integer(1, 31, odd=True), 2), "sigma": interval(0.01, 30)}, drawn=("sigma",)
    ),
    "GaussianNoise": RegistryEntry({"mean": number(-10, 10), "sigma": number(0, 10), "clip": FLAG}, v1=False),
    "RandomErasing": RegistryEntry(
        {
            "p": PROBABILITY,
            "scale": interval(0, 1),
            "ratio": interval(0.01, 100),
            "value": any_of(PIXEL_VALUE, sequence(PIXEL_VALUE, 1), literal("random")),
            "inplace": FLAG,
        }
    ),
    # policies
    "AutoAugment": RegistryEntry({"policy": POLICY, **WARP_OPTIONS}),
    "RandAugment": RegistryEntry(
        {"num_ops": integer(0, 8), "magnitude": integer(0, 255), "num_magnitude_bins": MAGNITUDE_BINS, **WARP_OPTIONS}
    ),
    "TrivialAugmentWide": RegistryEntry({"num_magnitude_bins": MAGNITUDE_BINS, **WARP_OPTIONS}),
    "AugMix": RegistryEntry(
        {
            "severity": integer(1, 10),
            "mixture_width": integer(1, 5),
            "chain_depth": integer(-1, 5),
            "alpha": number(0.01, 100),
            "all_ops": FLAG,
            **WARP_OPTIONS,
        }
    ),
}

CLASSES: Mapping[tuple[str, bool], type[Any]] = {  # (name, whether it is v2's)
    (name, is_v2): getattr(v2 if is_v2 else v1, name)
    for name, entry in REGISTRY.items()
    for is_v2 in (False, True)
    if (entry.v2 if is_v2 else entry.v1)
}
