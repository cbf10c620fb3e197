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
from course.transforms.batched import BatchedTransform, batched_transform
from course.transforms.construction import check_transforms, construct, flatten
from course.transforms.description import describe, is_random
from course.transforms.possible_images import apply, describe_image, image_format, possible_images
from course.transforms.random_draws import RandomDraws, scalar

CONVERSIONS = frozenset(
    (
        *("ToTensor", "PILToTensor", "ToPILImage", "ToImage", "ToPureTensor", "ToDtype", "ConvertImageDtype"),
        *("Identity", "Grayscale", "Resize"),  # where they change nothing
    )
)
# their sums are matrix products, whose order is PyTorch's
UNPORTABLE = frozenset({"GaussianBlur", "ElasticTransform"})


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
    unbatched: str = ""  # the first transform that needs one image after the other, in words
    unportable: tuple[str, ...] = ()  # transforms whose images may differ from processor to processor, on a CPU

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
                    image = apply(transform, image)
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
    RecipeError if torchvision refuses the pipeline or an image does not come out as float32 (1, 28, 28), whatever is
    drawn.
    """
    specs = tuple(specs)
    check_transforms(specs)
    image = PIL.Image.fromarray(np.arange(28 * 28, dtype=np.uint8).reshape(28, 28))
    with seeded_random_state(0):
        for transformed in possible_images(specs, image):
            _check_output(transformed)
        forms, _ = _trial(specs, image)
    batched = tuple(form for form in forms if form is not None)
    return Pipeline(
        device=torch.device(device),
        random=is_random(specs),
        batched_transforms=batched if len(batched) == len(forms) else None,
        torchvision_transforms=tuple(map(construct, specs)),
        unbatched=next((describe([spec]) for spec, form in zip(specs, forms, strict=True) if form is None), ""),
        unportable=tuple(
            dict.fromkeys(
                inner.name
                for spec, form in zip(specs, forms, strict=True)
                for inner in flatten([spec])
                if inner.name in UNPORTABLE or (form is None and not inner.children)
            )
        ),
    )


def _trial(specs: Sequence[Transform], image: Any) -> tuple[list[BatchedTransform | None], Any]:
    """Apply every transform to `image`: their batched forms, None for one that has none, and the transformed image."""
    forms: list[BatchedTransform | None] = []
    for spec in specs:
        if spec.name == "RandomApply":
            transform, image = _trial_random_apply(spec, image)
        else:
            before, image = image, apply(construct(_with_probability_one(spec)), image)
            transform = _batched_form(spec, before, image)
        forms.append(transform)
    return forms, image


def _trial_random_apply(spec: Transform, before: Any) -> tuple[BatchedTransform | None, Any]:
    forms, after = _trial(spec.children, before)
    children = [form for form in forms if form is not None]
    if len(children) < len(forms) or image_format(before) != image_format(after):
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


def _batched_form(spec: Transform, before: Any, after: Any) -> BatchedTransform | None:
    """The batched form of one transform, given an image before and after it; None where it has none."""
    source, target = image_format(before), image_format(after)
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


def _check_output(image: Any) -> None:
    if not isinstance(image, Tensor) or image.dtype != torch.float32 or image.shape != (1, 28, 28):
        raise RecipeError(
            f"The transforms turn an image into {describe_image(image)}, and a network here takes float32 of shape "
            f"(1, 28, 28). End them with ToTensor and Normalize, and bring the image back to 28 by 28 pixels."
        )
