"""The usual transforms for a whole batch: one draw per image, on the images' own device.

Every function here takes and returns float32 images (N, 1, H, W). `is_uint8` says that torchvision would hold them as
a PIL image or uint8 tensor at this place in the pipeline: they are then whole grey levels 0..255, and are rounded
after each operation. Nothing waits for the device and nothing branches on a drawn number, so all of it also runs on
the meta device and on fake tensors.

The results follow torchvision: same distributions, same geometry, same fill. Where its PIL and its tensor functions
differ, these follow the tensor functions: in the treatment of pixels outside the image by bilinear sampling, in the
exact mean that contrast blends with, and in the ties of nearest-neighbour sampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course.kernels.portable_math import exp, sum_last
from course.transforms import geometry
from course.transforms.geometry import padding_indices
from course.transforms.random_draws import RandomDraws, per_image, scalar

MAX_ERASING_ATTEMPTS = 10  # as in torchvision, which draws a rectangle that does not fit again

BatchedTransform = Callable[[Tensor, RandomDraws], Tensor]


def random_horizontal_flip(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    return torch.where(draws.bernoulli(options["p"]), images.flip(-1), images)


def random_vertical_flip(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    return torch.where(draws.bernoulli(options["p"]), images.flip(-2), images)


# ---- borders and crops


def pad(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    return _pad(images, _borders(options["padding"]), options)


def _borders(padding: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) from torchvision's one, two or four numbers."""
    sides = tuple(padding) if isinstance(padding, tuple | list) else (padding,)
    return sides * (4 // len(sides))


def _pad(images: Tensor, borders: tuple[int, int, int, int], options: Mapping[str, Any]) -> Tensor:
    left, top, right, bottom = borders
    if not any(borders):
        return images
    if options["padding_mode"] == "constant":
        return F.pad(images, (left, right, top, bottom), value=float(scalar(options["fill"]) or 0))
    height, width = images.shape[-2:]
    rows = padding_indices(torch.arange(-top, height + bottom, device=images.device), height, options["padding_mode"])
    columns = padding_indices(torch.arange(-left, width + right, device=images.device), width, options["padding_mode"])
    return images.index_select(-2, rows).index_select(-1, columns)


def center_crop(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    height, width = _size(options["size"])
    missing_y, missing_x = max(height - images.shape[-2], 0), max(width - images.shape[-1], 0)
    images = F.pad(images, (missing_x // 2, (missing_x + 1) // 2, missing_y // 2, (missing_y + 1) // 2))
    top, left = round((images.shape[-2] - height) / 2), round((images.shape[-1] - width) / 2)
    return images[..., top : top + height, left : left + width]


def _size(size: Any) -> tuple[int, int]:
    """(height, width) from torchvision's one or two numbers."""
    return (size[0], size[-1])


def random_crop(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    images = crop_border(images, options)
    height, width = images.shape[-2:]
    top, left = draw_crop(draws, height, width, options)
    crop_height, crop_width = _size(options["size"])
    rows = top[:, None] + torch.arange(crop_height, device=images.device)
    columns = left[:, None] + torch.arange(crop_width, device=images.device)
    image = torch.arange(len(images), device=images.device)
    return images[image[:, None, None], 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def crop_border(images: Tensor, options: Mapping[str, Any]) -> Tensor:
    """Add RandomCrop's padding, and with `pad_if_needed` as much on both sides as the crop still needs."""
    height, width = _size(options["size"])
    images = _pad(images, _borders(options["padding"] or 0), options)
    if options["pad_if_needed"]:
        missing_x, missing_y = max(width - images.shape[-1], 0), max(height - images.shape[-2], 0)
        images = _pad(images, (missing_x, missing_y, missing_x, missing_y), options)
    return images


def draw_crop(draws: RandomDraws, height: int, width: int, options: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """(top, left) of RandomCrop in an image of this height and width, each (N,) int64."""
    crop_height, crop_width = _size(options["size"])
    return draws.integers_below(height - crop_height + 1).long(), draws.integers_below(width - crop_width + 1).long()


# ---- grey levels


class JitterParameters(NamedTuple):
    """ColorJitter's factors, each (N, 1, 1, 1); saturation and hue change nothing in a grey image."""

    brightness: Tensor | None
    contrast: Tensor | None
    brightness_first: Tensor  # booleans


def draw_jitter(draws: RandomDraws, options: Mapping[str, Any]) -> JitterParameters:
    """The parameters of ColorJitter that a grey image can show: two factors, and which of them is applied first."""

    def factor(bounds: Any) -> Tensor | None:
        return per_image(draws.uniform(*bounds)) if isinstance(bounds, tuple | list) else None

    brightness_first = draws.bernoulli(0.5)
    return JitterParameters(factor(options["brightness"]), factor(options["contrast"]), brightness_first)


def apply_jitter(images: Tensor, jitter: JitterParameters, is_uint8: bool) -> Tensor:
    def brightness(x: Tensor) -> Tensor:
        return x if jitter.brightness is None else _to_valid_range(x * jitter.brightness, is_uint8)

    def contrast(x: Tensor) -> Tensor:
        if jitter.contrast is None:
            return x
        mean = per_image(sum_last(x.flatten(1)) / x[0].numel())
        return _to_valid_range(x * jitter.contrast + mean * (1 - jitter.contrast), is_uint8)

    if jitter.brightness is None or jitter.contrast is None:
        return contrast(brightness(images))
    return torch.where(jitter.brightness_first, contrast(brightness(images)), brightness(contrast(images)))


def _to_valid_range(images: Tensor, is_uint8: bool) -> Tensor:
    """Clamp to what the image can hold; like torchvision, drop the fraction of a grey level here, without rounding."""
    return images.clamp(0, 255).floor() if is_uint8 else images.clamp(0, 1)


def color_jitter(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    return apply_jitter(images, draw_jitter(draws, options), is_uint8)


def random_invert(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    return torch.where(draws.bernoulli(options["p"]), (255 if is_uint8 else 1) - images, images)


def normalize(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    mean, std = float(scalar(options["mean"])), float(scalar(options["std"]))
    return (images - mean) / std


def gaussian_noise(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    images = images + (draws.normal_like(images) * options["sigma"] + options["mean"])
    return images.clamp(0, 1) if options["clip"] else images


# ---- erasing


class ErasedRectangle(NamedTuple):
    """One rectangle per image in pixels, each field (N,) float32; height and width are 0 where nothing is erased."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


def draw_rectangle(draws: RandomDraws, height: int, width: int, options: Mapping[str, Any]) -> ErasedRectangle:
    """RandomErasing's rectangle in an image of this size: the first of ten candidates that fits, or none."""
    (low, high), (min_ratio, max_ratio) = options["scale"], options["ratio"]
    areas = height * width * draws.uniform(low, high, (MAX_ERASING_ATTEMPTS,))
    ratios = exp(draws.uniform(math.log(min_ratio), math.log(max_ratio), (MAX_ERASING_ATTEMPTS,)).double()).float()
    heights, widths = (areas * ratios).sqrt().round(), (areas / ratios).sqrt().round()  # (N, MAX_ERASING_ATTEMPTS)
    fits = (heights < height) & (widths < width)
    first = fits.int().argmax(1, keepdim=True)
    is_erased = (draws.uniform() < options["p"]) & fits.any(1)
    box_h, box_w = heights.gather(1, first).squeeze(1), widths.gather(1, first).squeeze(1)
    top, left = draws.integers_below(height - box_h + 1), draws.integers_below(width - box_w + 1)
    return ErasedRectangle(top, left, torch.where(is_erased, box_h, 0), torch.where(is_erased, box_w, 0))


def random_erasing(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    height, width = images.shape[-2:]
    top, left, box_h, box_w = (values[:, None] for values in draw_rectangle(draws, height, width, options))
    y, x = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    rows, columns = (top <= y) & (y < top + box_h), (left <= x) & (x < left + box_w)
    value = scalar(options["value"])
    patch = draws.normal_like(images) if value == "random" else float(value)
    return torch.where(rows[:, None, :, None] & columns[:, None, None, :], patch, images)


Operation = Callable[[Tensor, RandomDraws, Mapping[str, Any], bool], Tensor]  # (images, draws, options, is_uint8)

UINT8_OR_FLOAT: Mapping[str, Operation] = {
    "RandomAffine": geometry.random_affine,
    "RandomRotation": geometry.random_rotation,
    "ElasticTransform": geometry.elastic_transform,
    "GaussianBlur": geometry.gaussian_blur,
    "RandomHorizontalFlip": random_horizontal_flip,
    "RandomVerticalFlip": random_vertical_flip,
    "Pad": pad,
    "CenterCrop": center_crop,
    "RandomCrop": random_crop,
    "ColorJitter": color_jitter,
    "RandomInvert": random_invert,
}
FLOAT_ONLY: Mapping[str, Operation] = {
    "Normalize": normalize,
    "GaussianNoise": gaussian_noise,
    "RandomErasing": random_erasing,
}


def batched_transform(name: str, options: Mapping[str, Any], is_uint8: bool) -> BatchedTransform | None:
    """The batched form of torchvision's class `name` with these options, or None where there is none."""
    operation = UINT8_OR_FLOAT.get(name) or (None if is_uint8 else FLOAT_ONLY.get(name))
    if operation is None or options.get("interpolation", "nearest") not in ("nearest", "bilinear"):
        return None
    if options.get("expand"):  # every image would have a different size
        return None
    return lambda images, draws: operation(images, draws, options, is_uint8)
