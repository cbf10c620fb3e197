"""Every kind of image that a pipeline's draws may lead to, found by trying each of them on one image.

Whether a transform works depends on the kind of image that it is given: PIL image or tensor, type, channels and size.
So all draws are tried that change the kind, and each transform once with every kind that may reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import PIL.Image
import torch

from course.errors import RecipeError
from course.spec import Transform
from course.transforms.construction import construct, constructor_arguments
from course.transforms.random_draws import scalar

MAX_ORDERED = 5  # transforms of a RandomOrder that change the kind of image: each of their orders is tried
_EXTREME = 45  # degrees between the angles at which a turned and expanded square is smallest and largest


class ImageFormat(NamedTuple):
    is_uint8: bool
    shape: tuple[int, ...]  # (channels, height, width)


def image_format(image: Any) -> ImageFormat:
    """The format of a PIL image or tensor."""
    if isinstance(image, PIL.Image.Image):
        return ImageFormat(True, (len(image.getbands()), image.height, image.width))
    return ImageFormat(image.dtype == torch.uint8, tuple(image.shape))


def possible_images(specs: Sequence[Transform], image: Any) -> list[Any]:
    """What `specs` may make of an image: one for each kind. Raises RecipeError if any draw does not work."""
    return _Trials().all_outcomes(specs, image)


def _kind(image: Any) -> tuple[Any, ...]:
    return (type(image), *image_format(image))


class _Trials:
    """What became of each transform and kind of image: nested orders would try many of them again and again."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], list[Any]] = {}

    def all_outcomes(self, specs: Sequence[Transform], image: Any) -> list[Any]:
        """What several transforms, one after the other, may make of an image: one for each kind."""
        images = [image]
        for spec in specs:
            after = (outcome for before in images for outcome in self._outcomes(spec, before))
            images = list({_kind(outcome): outcome for outcome in after}.values())
        return images

    def _outcomes(self, spec: Transform, image: Any) -> list[Any]:
        key = (id(spec), *_kind(image))
        if key not in self._known:
            self._known[key] = list(self._try(spec, image))
        return self._known[key]

    def _try(self, spec: Transform, image: Any) -> Iterator[Any]:
        """What one transform may make of an image."""
        if spec.name == "RandomApply":
            yield from self.all_outcomes(spec.children, image)
            if float(scalar(spec.options["p"])) < 1:
                yield image
        elif spec.name == "RandomChoice":
            weights = constructor_arguments(spec)["p"] or [1.0] * len(spec.children)
            for child, weight in zip(spec.children, weights, strict=True):
                if weight > 0:
                    yield from self._outcomes(child, image)
        elif spec.name == "RandomOrder":
            yield from self._in_every_order(spec.children, image)
        elif spec.children:
            yield from self.all_outcomes(spec.children, image)
        else:
            for drawn in _extreme_draws(spec):
                yield apply(construct(drawn), image)
            if isinstance(p := spec.options.get("p"), float | int) and p < 1:
                yield image

    def _in_every_order(self, children: Sequence[Transform], image: Any) -> Iterator[Any]:
        if self._all_keep_the_kind(children, image):
            yield image
            return
        if len(children) > MAX_ORDERED:
            raise RecipeError(
                f"RandomOrder has {len(children)} transforms, and {MAX_ORDERED} are allowed where one of them changes "
                "the size or type of images. Put that one before or after RandomOrder."
            )
        for order in permutations(children):
            yield from self.all_outcomes(order, image)

    def _all_keep_the_kind(self, children: Sequence[Transform], image: Any) -> bool:
        """Whether each gives the kind of image that it is given, and so is given it in any order."""
        kinds = (_kind(outcome) for child in children for outcome in self._outcomes(child, image))
        return all(kind == _kind(image) for kind in kinds)


def _extreme_draws(spec: Transform) -> Iterator[Transform]:
    """The transform as it is always applied; where the draw decides on the image's size, with the extremes."""
    options = dict(spec.options)
    if isinstance(options.get("p"), float | int):
        options["p"] = 1.0
    if options.get("expand"):
        low, high = map(float, constructor_arguments(spec)["degrees"])
        turns = range(-8 * _EXTREME, 9 * _EXTREME, _EXTREME)
        for angle in {low, high, *(float(turn) for turn in turns if low < turn < high)}:
            yield spec.model_copy(update={"options": {**options, "degrees": (angle, angle)}})
    elif spec.name == "RandomZoomOut":
        for factor in constructor_arguments(spec)["side_range"]:
            yield spec.model_copy(update={"options": {**options, "side_range": (factor, factor)}})
    else:
        yield spec.model_copy(update={"options": options})


def apply(transform: Callable[[Any], Any], image: Any) -> Any:
    """The transformed image. Raises RecipeError where torchvision's transform fails on it."""
    try:
        return transform(image)
    except Exception as error:  # torchvision raises many types; whichever it is, this pipeline cannot be used
        raise RecipeError(
            f"{type(transform).__name__} cannot follow what comes before it, or not with these options. "
            f"Given {describe_image(image)}, torchvision says: {str(error).strip().rstrip('.')[:300]}."
        ) from error


def describe_image(image: Any) -> str:
    """`a PIL image of 28 by 28 pixels`, or `float32 of shape (1, 28, 28)`."""
    if isinstance(image, PIL.Image.Image):
        return f"a PIL image of {image.height} by {image.width} pixels"
    return f"{str(image.dtype).removeprefix('torch.')} of shape {tuple(image.shape)}"
