"""The usual transforms for a whole batch: one draw per image, on the images' own device.

Every function here takes float32 images (N, 1, H, W) and returns the same. Before the pipeline turns them into
tensors of 0..1 they hold whole grey levels 0..255 (`eight_bit`), as a PIL image would, and are rounded after each
operation. Nothing waits for the device and nothing branches on a drawn number, so all of it also runs on the meta
device and on fake tensors.

The meaning is torchvision's: same distributions, same geometry, same fill. Where its PIL and its tensor functions
differ, these follow the tensor functions: bilinear resampling treats what lies outside the image as torchvision's
tensors do, grey levels are blended with the exact mean, and ties of nearest-neighbour sampling fall as there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course.transforms import geometry
from course.transforms.geometry import mirror
from course.transforms.random_draws import Draw, per_image, scalar

TRIES = 10  # torchvision draws an erased rectangle again when it does not fit, this often

Step = Callable[[Tensor, Draw], Tensor]


def random_horizontal_flip(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return torch.where(draw.chance(options["p"]), images.flip(-1), images)


def random_vertical_flip(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return torch.where(draw.chance(options["p"]), images.flip(-2), images)


# ---- borders and crops


def pad(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return _pad(images, _borders(options["padding"]), options)


def _borders(padding: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of torchvision's one, two or four numbers."""
    sides = tuple(padding) if isinstance(padding, tuple | list) else (padding,)
    return sides * (4 // len(sides))


def _pad(images: Tensor, borders: tuple[int, int, int, int], options: Mapping[str, Any]) -> Tensor:
    left, top, right, bottom = borders
    if not any(borders):
        return images
    if options["padding_mode"] == "constant":
        return F.pad(images, (left, right, top, bottom), value=float(scalar(options["fill"]) or 0))
    height, width = images.shape[-2:]
    rows = mirror(torch.arange(-top, height + bottom, device=images.device), height, options["padding_mode"])
    columns = mirror(torch.arange(-left, width + right, device=images.device), width, options["padding_mode"])
    return images.index_select(-2, rows).index_select(-1, columns)


def center_crop(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    height, width = _size(options["size"])
    missing_y, missing_x = max(height - images.shape[-2], 0), max(width - images.shape[-1], 0)
    images = F.pad(images, (missing_x // 2, (missing_x + 1) // 2, missing_y // 2, (missing_y + 1) // 2))
    top, left = round((images.shape[-2] - height) / 2), round((images.shape[-1] - width) / 2)
    return images[..., top : top + height, left : left + width]


def _size(size: Any) -> tuple[int, int]:
    return (size[0], size[-1])


def random_crop(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    images = crop_border(images, options)
    height, width = _size(options["size"])
    top, left = draw_crop(draw, *images.shape[-2:], options)
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = left[:, None] + torch.arange(width, device=images.device)
    image = torch.arange(len(images), device=images.device)
    return images[image[:, None, None], 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def crop_border(images: Tensor, options: Mapping[str, Any]) -> Tensor:
    """RandomCrop's padding, then as much on both sides as the crop still needs."""
    height, width = _size(options["size"])
    images = _pad(images, _borders(options["padding"] or 0), options)
    if options["pad_if_needed"]:
        missing_x, missing_y = max(width - images.shape[-1], 0), max(height - images.shape[-2], 0)
        images = _pad(images, (missing_x, missing_y, missing_x, missing_y), options)
    return images


def draw_crop(draw: Draw, height: int, width: int, options: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """(top, left) of RandomCrop in an image of this height and width, each (N,) int64."""
    crop_height, crop_width = _size(options["size"])
    return draw.below(height - crop_height + 1).long(), draw.below(width - crop_width + 1).long()


# ---- grey levels


class Jitter(NamedTuple):
    """Per image, (N, 1, 1, 1). Saturation and hue change nothing in a grey image."""

    brightness: Tensor | None
    contrast: Tensor | None
    brightness_first: Tensor


def draw_jitter(draw: Draw, options: Mapping[str, Any]) -> Jitter:
    """The parameters of ColorJitter that a grey image can show; of its four steps' order, which of two comes first."""
    first = draw.chance(0.5)
    factors = (options["brightness"], options["contrast"])
    return Jitter(*(per_image(draw.uniform(*f)) if isinstance(f, tuple | list) else None for f in factors), first)


def apply_jitter(images: Tensor, jitter: Jitter, eight_bit: bool) -> Tensor:
    def brightness(x: Tensor) -> Tensor:
        return x if jitter.brightness is None else _levels(x * jitter.brightness, eight_bit)

    def contrast(x: Tensor) -> Tensor:
        if jitter.contrast is None:
            return x
        mean = x.mean((1, 2, 3), keepdim=True)
        return _levels(x * jitter.contrast + mean * (1 - jitter.contrast), eight_bit)

    if jitter.brightness is None or jitter.contrast is None:
        return contrast(brightness(images))
    return torch.where(jitter.brightness_first, contrast(brightness(images)), brightness(contrast(images)))


def _levels(images: Tensor, eight_bit: bool) -> Tensor:
    """Back to what the image can hold; torchvision cuts the fraction of a grey level off here."""
    return images.clamp(0, 255).floor() if eight_bit else images.clamp(0, 1)


def color_jitter(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return apply_jitter(images, draw_jitter(draw, options), eight_bit)


def random_invert(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return torch.where(draw.chance(options["p"]), (255 if eight_bit else 1) - images, images)


def normalize(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return (images - scalar(options["mean"])) / scalar(options["std"])


def gaussian_noise(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    images = images + (draw.normal_like(images) * options["sigma"] + options["mean"])
    return images.clamp(0, 1) if options["clip"] else images


# ---- erasing


class Rectangle(NamedTuple):
    """Per image, each (N,) float32 whole numbers; height 0 where nothing is erased."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


def draw_rectangle(draw: Draw, height: int, width: int, options: Mapping[str, Any]) -> Rectangle:
    """RandomErasing's rectangle: of ten draws of area and shape the first that fits, or none."""
    area = height * width * draw.uniform(*options["scale"], TRIES)
    shape = draw.uniform(*map(math.log, options["ratio"]), TRIES).exp()
    heights, widths = (area * shape).sqrt().round(), (area / shape).sqrt().round()
    fits = (heights < height) & (widths < width)
    first = fits.int().argmax(1, keepdim=True)
    erased = (draw.uniform() < options["p"]) & fits.any(1)
    tall, wide = heights.gather(1, first).squeeze(1), widths.gather(1, first).squeeze(1)
    top, left = draw.below(height - tall + 1), draw.below(width - wide + 1)
    return Rectangle(top, left, torch.where(erased, tall, 0), torch.where(erased, wide, 0))


def random_erasing(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    height, width = images.shape[-2:]
    top, left, tall, wide = (v[:, None] for v in draw_rectangle(draw, height, width, options))
    y, x = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    rows, columns = (top <= y) & (y < top + tall), (left <= x) & (x < left + wide)
    value = scalar(options["value"])
    patch = draw.normal_like(images) if value == "random" else float(value)
    return torch.where(rows[:, None, :, None] & columns[:, None, None, :], patch, images)


EITHER: Mapping[str, Callable[..., Tensor]] = {
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
FLOATS_ONLY: Mapping[str, Callable[..., Tensor]] = {
    "Normalize": normalize,
    "GaussianNoise": gaussian_noise,
    "RandomErasing": random_erasing,
}


def batched_step(name: str, options: Mapping[str, Any], eight_bit: bool) -> Step | None:
    """The batched form of a drawing or computing transform, or None where it has none."""
    function = EITHER.get(name) or (None if eight_bit else FLOATS_ONLY.get(name))
    if function is None or options.get("interpolation", "nearest") not in ("nearest", "bilinear"):
        return None
    if options.get("expand"):  # every image would get a size of its own
        return None
    return lambda images, draw: function(images, draw, options, eight_bit)
