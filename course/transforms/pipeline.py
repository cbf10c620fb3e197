"""A run's pipeline: batched where that is possible, image by image where it is not."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from course.errors import RecipeError
from course.spec import Transform
from course.transforms.batched import Step, batched_step
from course.transforms.description import describe, is_random
from course.transforms.random_draws import Draw, scalar
from course.transforms.registry import check, construct

CONVERSIONS = frozenset(
    (
        *("ToTensor", "PILToTensor", "ToPILImage", "ToImage", "ToPureTensor", "ToDtype", "ConvertImageDtype"),
        *("Identity", "Grayscale", "Resize"),  # where they change nothing
    )
)


@dataclass(frozen=True)
class Pipeline:
    """`pipeline(images, generator)`: uint8 (N, 28, 28) -> float32 (N, 1, 28, 28) on `device`.

    The generator is one of that device; images from elsewhere are brought there as bytes. The same generator state
    gives the same output. `random`: it draws. `batched`: the whole batch is computed at once on its device; otherwise
    torchvision's own objects see one PIL image after the other, on the CPU, seeded from the generator, with the
    global random states put back afterwards.
    """

    device: torch.device
    random: bool
    steps: tuple[Step, ...] | None  # None: image by image
    transforms: tuple[Callable[[Any], Any], ...]

    @property
    def batched(self) -> bool:
        return self.steps is not None

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Raises RecipeError where a transform fails on an image, or one comes out in another shape."""
        if self.steps is None:
            return self._image_by_image(images, generator)
        draw = Draw(len(images), self.device, generator)
        batch = images.to(self.device).unsqueeze(1).float()
        for step in self.steps:
            batch = step(batch, draw)
        return batch.contiguous()

    def _image_by_image(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        seed = torch.randint(2**62, (), generator=generator, device=self.device) if self.random else 0
        out = torch.empty(len(images), 1, 28, 28)
        with isolated(int(seed)):
            for i, pixels in enumerate(images.cpu().numpy()):
                image = PIL.Image.fromarray(pixels)
                for transform in self.transforms:
                    image = _apply(transform, image)
                _check_output(image)
                out[i] = image
        return out.to(self.device)


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed the global generators that torchvision draws from, and put their states back at the end.

    Inside, torchvision's warnings are not shown: it would repeat them for every image.
    """
    state = random.getstate()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


def build(specs: Sequence[Transform], device: torch.device | str) -> Pipeline:
    """The pipeline for `specs`, which may come from anywhere: they are checked again here.

    Call it outside of any fake-tensor mode: torchvision's real objects are tried on one image, which tells what
    kind of image each transform meets. Raises SpecError for a name, option or bound that is not allowed, and
    RecipeError where torchvision refuses the pipeline or an image does not come out as float32 (1, 28, 28).
    """
    specs = tuple(specs)
    check(specs)
    with isolated(0):
        steps, image = _plan(specs, _trial_image())
    _check_output(image)
    return Pipeline(
        device=torch.device(device),
        random=is_random(specs),
        steps=None if steps is None else tuple(steps),
        transforms=tuple(map(construct, specs)),
    )


def _trial_image() -> PIL.Image.Image:
    return PIL.Image.fromarray(np.arange(28 * 28, dtype=np.uint8).reshape(28, 28))


def _plan(specs: Sequence[Transform], image: Any) -> tuple[list[Step] | None, Any]:
    """Batched steps (None where one is missing), and what `image` becomes when every transform acts."""
    steps: list[Step] | None = []
    for spec in specs:
        if spec.name == "RandomApply":
            step, image = _plan_random_apply(spec, image)
        else:
            before, image = image, _apply(construct(_certain(spec)), image)
            step = _step(spec, before, image)
        steps = None if steps is None or step is None else [*steps, step]
    return steps, image


def _plan_random_apply(spec: Transform, before: Any) -> tuple[Step | None, Any]:
    inner, after = _plan(spec.children, before)
    if inner is None or _kind(before) != _kind(after):
        return None, after

    def step(images: Tensor, draw: Draw) -> Tensor:
        chosen, changed = draw.chance(spec.options["p"]), images
        for child in inner:
            changed = child(changed, draw)
        return torch.where(chosen, changed, images)

    return step, after


def _certain(spec: Transform) -> Transform:
    """The same transform, acting with probability 1, so that the trial meets every error."""
    if isinstance(spec.options.get("p"), float | int):
        return spec.model_copy(update={"options": {**spec.options, "p": 1.0}})
    return spec


def _kind(image: Any) -> tuple[bool, tuple[int, int, int]]:
    """(whole levels 0..255 rather than floats, (channels, height, width)) of a PIL image or tensor."""
    if isinstance(image, PIL.Image.Image):
        return True, (len(image.getbands()), image.height, image.width)
    return image.dtype == torch.uint8, tuple(image.shape)


def _step(spec: Transform, before: Any, after: Any) -> Step | None:
    """The batched form of one transform, given an image before and after it; None where it has none."""
    (was_eight_bit, shape), (eight_bit, new_shape) = _kind(before), _kind(after)
    _check_fill(spec, was_eight_bit)
    if shape[0] != 1 or new_shape[0] != 1:
        return None
    if spec.name not in CONVERSIONS:
        return batched_step(spec.name, spec.options, was_eight_bit)
    if shape != new_shape or (eight_bit and not was_eight_bit):
        return None
    if was_eight_bit == eight_bit or not spec.options.get("scale", True):
        return lambda images, draw: images
    if spec.name == "ToDtype" or (spec.name == "ConvertImageDtype" and spec.v2):
        return lambda images, draw: images * (1 / 255)  # torchvision's v2 multiplies, its v1 divides
    return lambda images, draw: images / 255


def _check_fill(spec: Transform, eight_bit: bool) -> None:
    fill = scalar(spec.options.get("fill"))
    if eight_bit and fill is not None and not (0 <= fill <= 255 and fill == int(fill)):
        raise RecipeError(
            f"{describe([spec])} works on grey levels, whole numbers from 0 to 255, and fill={fill:g} is none. "
            f"Choose such a level, or put the transform after ToTensor and Normalize."
        )


def _apply(transform: Callable[[Any], Any], image: Any) -> Any:
    try:
        return transform(image)
    except Exception as error:  # torchvision raises what it likes; all of it is about this pipeline
        raise RecipeError(
            f"{type(transform).__name__} cannot follow what comes before it, or not with these options. "
            f"Given {_in_words(image)}, torchvision says: {str(error).strip().rstrip('.')[:300]}."
        ) from error


def _in_words(image: Any) -> str:
    if isinstance(image, PIL.Image.Image):
        return f"a PIL image of {image.height} by {image.width} pixels"
    return f"{str(image.dtype).removeprefix('torch.')} of shape {tuple(image.shape)}"


def _check_output(image: Any) -> None:
    if not isinstance(image, Tensor) or image.dtype != torch.float32 or image.shape != (1, 28, 28):
        raise RecipeError(
            f"The transforms turn an image into {_in_words(image)}, and a network here takes float32 of shape "
            f"(1, 28, 28). End them with ToTensor and Normalize, and bring the image back to 28 by 28 pixels."
        )
