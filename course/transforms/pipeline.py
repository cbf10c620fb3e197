"""A run's pipeline: batched where that is possible, image by image where it is not."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from course.errors import RecipeError
from course.spec import Transform
from course.transforms.batched import BatchedTransform, batched_transform
from course.transforms.construction import check_transforms, construct, constructor_arguments, flatten
from course.transforms.description import describe, is_random
from course.transforms.random_draws import RandomDraws, scalar

CONVERSIONS = frozenset(
    (
        *("ToTensor", "PILToTensor", "ToPILImage", "ToImage", "ToPureTensor", "ToDtype", "ConvertImageDtype"),
        *("Identity", "Grayscale", "Resize"),  # where they change nothing
    )
)


@dataclass(frozen=True)
class Pipeline:
    """`pipeline(images, generator)`: uint8 (N, 28, 28) -> float32 (N, 1, 28, 28) on `device`.

    The generator is one of that device; images from elsewhere are moved there as bytes. The same generator state
    gives the same output. If `batched`, the whole batch is computed at once on its device; otherwise torchvision's
    own objects transform one PIL image after the other, on the CPU, seeded from the generator, and the global random
    states are restored afterwards.
    """

    device: torch.device
    random: bool  # whether it draws random numbers
    batched_transforms: tuple[BatchedTransform, ...] | None  # None: image by image
    torchvision_transforms: tuple[Callable[[Any], Any], ...]

    @property
    def batched(self) -> bool:
        return self.batched_transforms is not None

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Raises RecipeError if a transform fails on an image, or an image comes out in another shape or type."""
        if self.batched_transforms is None:
            return self._image_by_image(images, generator)
        draws = RandomDraws(len(images), self.device, generator)
        batch = images.to(self.device).unsqueeze(1).float()
        for transform in self.batched_transforms:
            batch = transform(batch, draws)
        return batch.contiguous()

    def _image_by_image(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        seed = int(torch.randint(2**62, (), generator=generator, device=self.device)) if self.random else 0
        out = torch.empty(len(images), 1, 28, 28)
        with seeded_random_state(seed):
            for i, pixels in enumerate(images.cpu().numpy()):
                image: Any = PIL.Image.fromarray(pixels)
                for transform in self.torchvision_transforms:
                    image = _apply(transform, image)
                _check_output(image)
                out[i] = image
        return out.to(self.device)


@contextmanager
def seeded_random_state(seed: int) -> Iterator[None]:
    """Seed the global generators that torchvision draws from, and restore their states at the end.

    Inside, torchvision's warnings are not shown: it would repeat them for every image.
    """
    python_state = random.getstate()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)


def build(specs: Sequence[Transform], device: torch.device | str) -> Pipeline:
    """The pipeline for `specs`, which may come from anywhere: they are checked again here.

    Call it outside of any fake-tensor mode: torchvision's real objects are tried on one image, to learn the type and
    size of the image that each transform gets. Raises SpecError for a name, option or bound that is not allowed, and
    RecipeError if torchvision refuses the pipeline or an image does not come out as float32 (1, 28, 28), whichever
    transforms are drawn. One thing is found only when it is drawn: an order of RandomOrder that does not work.
    """
    specs = tuple(specs)
    check_transforms(specs)
    with seeded_random_state(0):
        for path in _paths(specs):
            _check_output(_trial(path, _trial_image())[1])
        batched, image = _trial(specs, _trial_image())
    _check_output(image)
    pipeline = Pipeline(
        device=torch.device(device),
        random=is_random(specs),
        batched_transforms=None if batched is None else tuple(batched),
        torchvision_transforms=tuple(map(construct, specs)),
    )
    if batched is None and not pipeline.random:  # a transform with probability 0 was tried as if it were applied
        pipeline(torch.zeros(1, 28, 28, dtype=torch.uint8))
    return pipeline


def _trial_image() -> PIL.Image.Image:
    return PIL.Image.fromarray(np.arange(28 * 28, dtype=np.uint8).reshape(28, 28))


def _paths(specs: Sequence[Transform]) -> Iterator[tuple[Transform, ...]]:
    """What the draws of RandomApply and RandomChoice can make of `specs`: each choice at least once."""
    choices = max((len(s.children) for s in flatten(specs) if s.name == "RandomChoice"), default=1)
    applies = any(s.name == "RandomApply" for s in flatten(specs))
    for number in range(max(choices, 2 if applies else 1)):
        yield tuple(_path(specs, number))


def _path(specs: Sequence[Transform], number: int) -> Iterator[Transform]:
    for spec in specs:
        if spec.name == "RandomApply":
            if number % 2 == 0 or float(scalar(spec.options["p"])) >= 1:
                yield from _path(spec.children, number)
        elif spec.name == "RandomChoice":
            weights = constructor_arguments(spec)["p"] or [1.0] * len(spec.children)
            possible = [child for child, weight in zip(spec.children, weights, strict=True) if weight > 0]
            yield from _path([possible[number % len(possible)]], number)
        elif spec.children:
            yield spec.model_copy(update={"children": tuple(_path(spec.children, number))})
        else:
            yield spec


def _trial(specs: Sequence[Transform], image: Any) -> tuple[list[BatchedTransform] | None, Any]:
    """Apply every transform to `image`: their batched forms, None if any has none, and the transformed image."""
    batched: list[BatchedTransform] | None = []
    for spec in specs:
        if spec.name == "RandomApply":
            transform, image = _trial_random_apply(spec, image)
        else:
            before, image = image, _apply(construct(_with_probability_one(spec)), image)
            transform = _batched_form(spec, before, image)
        batched = None if batched is None or transform is None else [*batched, transform]
    return batched, image


def _trial_random_apply(spec: Transform, before: Any) -> tuple[BatchedTransform | None, Any]:
    children, after = _trial(spec.children, before)
    if children is None or _image_format(before) != _image_format(after):
        return None, after
    probability = float(scalar(spec.options["p"]))

    def random_apply(images: Tensor, draws: RandomDraws) -> Tensor:
        is_chosen, transformed = draws.bernoulli(probability), images
        for child in children:
            transformed = child(transformed, draws)
        return torch.where(is_chosen, transformed, images)

    return random_apply, after


def _with_probability_one(spec: Transform) -> Transform:
    """The same transform, but always applied, so that the trial finds every error."""
    if isinstance(spec.options.get("p"), float | int):
        return spec.model_copy(update={"options": {**spec.options, "p": 1.0}})
    return spec


class ImageFormat(NamedTuple):
    is_uint8: bool
    shape: tuple[int, ...]  # (channels, height, width)


def _image_format(image: Any) -> ImageFormat:
    """The format of a PIL image or tensor."""
    if isinstance(image, PIL.Image.Image):
        return ImageFormat(True, (len(image.getbands()), image.height, image.width))
    return ImageFormat(image.dtype == torch.uint8, tuple(image.shape))


def _batched_form(spec: Transform, before: Any, after: Any) -> BatchedTransform | None:
    """The batched form of one transform, given an image before and after it; None where it has none."""
    source, target = _image_format(before), _image_format(after)
    _check_fill(spec, source.is_uint8)
    if source.shape[0] != 1 or target.shape[0] != 1:
        return None
    if spec.name not in CONVERSIONS:
        return batched_transform(spec.name, spec.options, source.is_uint8)
    if source.shape != target.shape or (target.is_uint8 and not source.is_uint8):
        return None
    if source.is_uint8 == target.is_uint8 or not spec.options.get("scale", True):
        return lambda images, draws: images
    if spec.name == "ToDtype" or (spec.name == "ConvertImageDtype" and spec.v2):
        return lambda images, draws: images * (1 / 255)  # torchvision's v2 multiplies, its v1 divides
    return lambda images, draws: images / 255


def _check_fill(spec: Transform, is_uint8: bool) -> None:
    fill = scalar(spec.options.get("fill"))
    if is_uint8 and fill is not None and not (0 <= fill <= 255 and fill == int(fill)):
        raise RecipeError(
            f"{describe([spec])} works on grey levels, whole numbers from 0 to 255, and fill={fill:g} is none. "
            f"Choose such a level, or put the transform after ToTensor and Normalize."
        )


def _apply(transform: Callable[[Any], Any], image: Any) -> Any:
    try:
        return transform(image)
    except Exception as error:  # torchvision raises many types; whichever it is, this pipeline cannot be used
        raise RecipeError(
            f"{type(transform).__name__} cannot follow what comes before it, or not with these options. "
            f"Given {_describe_image(image)}, torchvision says: {str(error).strip().rstrip('.')[:300]}."
        ) from error


def _describe_image(image: Any) -> str:
    if isinstance(image, PIL.Image.Image):
        return f"a PIL image of {image.height} by {image.width} pixels"
    return f"{str(image.dtype).removeprefix('torch.')} of shape {tuple(image.shape)}"


def _check_output(image: Any) -> None:
    if not isinstance(image, Tensor) or image.dtype != torch.float32 or image.shape != (1, 28, 28):
        raise RecipeError(
            f"The transforms turn an image into {_describe_image(image)}, and a network here takes float32 of shape "
            f"(1, 28, 28). End them with ToTensor and Normalize, and bring the image back to 28 by 28 pixels."
        )
