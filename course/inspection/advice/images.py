"""Remarks on what becomes of the images before the network sees them."""

from __future__ import annotations

from collections.abc import Iterator

from course.inspection.record import Advice
from course.spec import Spec, Transform, leaves
from course.transforms.construction import flatten
from course.transforms.random_draws import scalar

MAX_TURN = 45  # degrees; beyond, a 6 begins to look like a 9, and a 1 like a dash
_TO_FLOAT = ("ToTensor", "ToDtype", "ConvertImageDtype")
_LIMITS = "lesson 2: The limits: the label has to stay true"
_FILL = "lesson 2: The trap of the fill value"


def advice_on_images(recipe: Spec) -> Iterator[tuple[str, Advice]]:
    """Each remark with the name of the transform that it is about."""
    train, test = list(flatten(recipe.train_transform)), list(flatten(recipe.test_transform))
    yield from _normalisation(train, test)
    scale = "levels"  # 0..255; then "unit", 0..1; then "normalised"
    for transform in train:
        for advice in (*_fill(transform, scale), *_grey(transform), *_labels(transform)):
            yield transform.name, advice
        if transform.name in _TO_FLOAT:
            scale = "unit"
        elif transform.name == "Normalize":
            scale = "normalised"


def _normalisation(train: list[Transform], test: list[Transform]) -> Iterator[tuple[str, Advice]]:
    ours, theirs = _normalised_by(train), _normalised_by(test)
    if ours != theirs:
        yield (
            "Normalize",
            Advice(
                f"Training images are normalised by {_shown(ours)}, test images by {_shown(theirs)}: the network is "
                "tested on other numbers than it has learned. Use the same Normalize in both.",
                lesson="lesson 1: The data",
            ),
        )
    elif not ours:
        yield (
            "ToTensor",
            Advice(
                "The images are not normalised: four in five pixels are 0, and their mean is 0.13. "
                "Normalize((0.1307,), (0.3081,)) after ToTensor centres them, in train_transform and test_transform.",
                lesson="lesson 1: The data",
            ),
        )


def _normalised_by(transforms: list[Transform]) -> list[tuple[float, float]]:
    return [
        (float(scalar(transform.options["mean"])), float(scalar(transform.options["std"])))
        for transform in transforms
        if transform.name == "Normalize"
    ]


def _shown(pairs: list[tuple[float, float]]) -> str:
    return ", then ".join(f"mean {mean:g} and deviation {std:g}" for mean, std in pairs) or "nothing"


def _fill(transform: Transform, scale: str) -> Iterator[Advice]:
    """The fill is what comes in from outside of the image; the background of MNIST is black."""
    if "fill" not in transform.options or transform.name == "RandomZoomOut":
        return
    fill = float(scalar(transform.options["fill"]) or 0)
    if scale == "levels" and fill == 1:
        yield Advice(
            f"fill=1 of {transform.name} is nearly black: before ToTensor grey levels go from 0 to 255. The background "
            "of MNIST is black, so leave it at 0.",
            lesson=_FILL,
        )
    elif (scale == "levels" and fill >= 128) or (scale == "unit" and fill >= 0.5):
        yield Advice(
            f"fill={fill:g} of {transform.name} is bright, and the background of MNIST is black: what comes in at the "
            "border looks like a stroke. Leave it at 0.",
            lesson=_FILL,
        )
    elif scale == "normalised" and fill == 0:
        yield Advice(
            f"After Normalize black is no longer 0, and {transform.name} fills with 0, a grey. Put it before ToTensor.",
            lesson=_FILL,
        )


def _grey(transform: Transform) -> Iterator[Advice]:
    options = transform.options
    if transform.name == "ColorJitter" and any(_is_used(options[name]) for name in ("saturation", "hue")):
        yield Advice(
            "A grey image has neither hue nor saturation: of ColorJitter only brightness and contrast do anything.",
            lesson="lesson 2: What an augmentation is for",
        )


def _is_used(option: object) -> bool:
    return any(isinstance(value, int | float) and value not in (0, 1) for value in leaves(option))


def _labels(transform: Transform) -> Iterator[Advice]:
    options = transform.options
    if transform.name in ("RandomHorizontalFlip", "RandomVerticalFlip") and options["p"]:
        yield Advice(
            f"{transform.name} makes digits that nobody writes: mirrored, a 2 or a 5 is no longer one.", lesson=_LIMITS
        )
    turns = [abs(value) for value in leaves(options.get("degrees")) if isinstance(value, int | float)]
    if turns and max(turns) > MAX_TURN:
        yield Advice(
            f"{transform.name} turns by up to {max(turns):g} degrees, and a 6 that stands on its head is a 9: about 10 "
            "degrees are what writers do.",
            lesson=_LIMITS,
        )
