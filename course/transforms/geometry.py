"""Moving pixels: affine maps, elastic distortion and blur of a batch, with parameters of its own for each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course.transforms.random_draws import Draw, scalar


class Affine(NamedTuple):
    """One map per image, each field (N,): what `torchvision.transforms.functional.affine` takes."""

    angle: Tensor  # degrees, clockwise as one looks at the image
    shift_x: Tensor  # whole pixels
    shift_y: Tensor
    scale: Tensor
    shear_x: Tensor  # degrees
    shear_y: Tensor


def draw_affine(draw: Draw, height: int, width: int, options: Mapping[str, Any]) -> Affine:
    """The parameters of RandomAffine, each (N,) float32."""
    zero = torch.zeros(draw.count, device=draw.device)
    angle = draw.uniform(*options["degrees"])
    shift_x = shift_y = shear_x = shear_y = zero
    if options["translate"] is not None:
        reach_x, reach_y = options["translate"][0] * width, options["translate"][1] * height
        shift_x, shift_y = draw.uniform(-reach_x, reach_x).round(), draw.uniform(-reach_y, reach_y).round()
    scale = zero + 1 if options["scale"] is None else draw.uniform(*options["scale"])
    if options["shear"] is not None:
        shear_x = draw.uniform(*options["shear"][:2])
        if len(options["shear"]) == 4:
            shear_y = draw.uniform(*options["shear"][2:])
    return Affine(angle, shift_x, shift_y, scale, shear_x, shear_y)


def draw_rotation(draw: Draw, options: Mapping[str, Any]) -> Affine:
    """The parameters of RandomRotation, which turns the other way round than RandomAffine."""
    zero = torch.zeros(draw.count, device=draw.device)
    return Affine(-draw.uniform(*options["degrees"]), zero, zero, zero + 1, zero, zero)


def apply_affine(images: Tensor, affine: Affine, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    """Move each image (N, 1, H, W) as its map says. `options`: center, interpolation, fill."""
    height, width = images.shape[-2:]
    grid = _source_grid(_inverse_matrix(affine, options["center"], height, width), height, width)
    return _sample(images, grid, options, eight_bit)


def _sample(images: Tensor, grid: Tensor, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    """Pixels from the places that `grid` (N, H, W, 2) names; what lies outside is `fill`, or fades out if that is None.

    A bilinear pixel at the border is weighted twice with the part of it that is inside; torchvision does the same.
    """
    fill, mode = scalar(options["fill"]), options["interpolation"]
    if fill is not None and not (fill == 0 and mode == "nearest"):  # that much sampling does by itself
        images = torch.cat((images, torch.ones_like(images)), 1)
    out = F.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)
    if out.shape[1] == 2:
        out, inside = out[:, :1], out[:, 1:]
        out = torch.where(inside < 0.5, fill, out) if mode == "nearest" else out.sub_(fill).mul_(inside).add_(fill)
    return out.round_() if eight_bit and mode == "bilinear" else out


def _inverse_matrix(affine: Affine, center: Any, height: int, width: int) -> Tensor:
    """(N, 2, 3) float32: where each output pixel comes from, in pixels from the image's middle."""
    # torchvision works these out in double precision; one device kind has none
    exact = torch.float32 if affine.angle.device.type == "mps" else torch.float64
    angle, shift_x, shift_y, scale, shear_x, shear_y = (values.to(exact) for values in affine)
    cx, cy = (0.0, 0.0) if center is None else (center[0] - width * 0.5, center[1] - height * 0.5)
    turn, slant_x, slant_y = torch.deg2rad(angle), torch.deg2rad(shear_x), torch.deg2rad(shear_y)

    # rotation times shears, [[a, b], [c, d]], has determinant 1
    a = torch.cos(turn - slant_y) / torch.cos(slant_y)
    b = -(a * torch.tan(slant_x) + torch.sin(turn))
    c = torch.sin(turn - slant_y) / torch.cos(slant_y)
    d = torch.cos(turn) - c * torch.tan(slant_x)
    a, b, c, d = d / scale, -b / scale, -c / scale, a / scale
    x = cx - a * (cx + shift_x) - b * (cy + shift_y)
    y = cy - c * (cx + shift_x) - d * (cy + shift_y)
    return torch.stack((a, b, x, c, d, y), 1).view(-1, 2, 3).float()


def _source_grid(matrix: Tensor, height: int, width: int) -> Tensor:
    """(N, H, W, 2) for grid_sample, whose unit is half an image."""
    x = torch.arange(width, device=matrix.device) - (width - 1) * 0.5
    y = torch.arange(height, device=matrix.device) - (height - 1) * 0.5
    unit_x, unit_y = matrix[:, 0] / (0.5 * width), matrix[:, 1] / (0.5 * height)
    # x and y in planes of their own: several times faster than interleaved, to fill and to sample
    unit = torch.stack((unit_x, unit_y), 1)  # (N, 2, 3)
    along_x, along_y = unit[:, :, 0, None] * x, unit[:, :, 1, None] * y + unit[:, :, 2, None]
    return (along_x[:, :, None, :] + along_y[:, :, :, None]).permute(0, 2, 3, 1)


def random_affine(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return apply_affine(images, draw_affine(draw, *images.shape[-2:], options), options, eight_bit)


def random_rotation(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    return apply_affine(images, draw_rotation(draw, options), options, eight_bit)


def draw_displacement(draw: Draw, height: int, width: int, options: Mapping[str, Any]) -> Tensor:
    """ElasticTransform's displacement (N, 2, H, W), first x, in halves of an image: smoothed noise."""
    planes = []
    for alpha, sigma, size in zip(options["alpha"], options["sigma"], (width, height), strict=True):
        noise = draw.uniform(-1, 1, 1, height, width)
        if sigma > 0:
            kernel = int(8 * sigma + 1) // 2 * 2 + 1  # odd, and wide enough for four sigma on both sides
            spread = [torch.full((1,), float(s), device=draw.device) for s in options["sigma"]]
            noise = apply_blur(noise, (kernel, kernel), *spread, eight_bit=False)
        planes.append(noise * (alpha / size))
    return torch.cat(planes, 1)


def elastic_transform(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    displacement = draw_displacement(draw, *images.shape[-2:], options)
    return apply_displacement(images, displacement, options, eight_bit)


def apply_displacement(images: Tensor, displacement: Tensor, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    height, width = images.shape[-2:]
    here = torch.eye(2, 3, device=images.device).expand(len(images), 2, 3)
    grid = _source_grid(here, height, width) + displacement.permute(0, 2, 3, 1)
    return _sample(images, grid, options, eight_bit)


def gaussian_blur(images: Tensor, draw: Draw, options: Mapping[str, Any], eight_bit: bool) -> Tensor:
    sigma = draw.uniform(*options["sigma"])
    return apply_blur(images, options["kernel_size"], sigma, sigma, eight_bit)


def apply_blur(images: Tensor, kernel: Any, sigma_x: Tensor, sigma_y: Tensor, eight_bit: bool) -> Tensor:
    """Blur (N, 1, H, W) with a kernel of (width, height) pixels and sigmas (N,), or (1,) for all; borders reflect."""
    height, width = images.shape[-2:]
    across = _blur_matrix(width, kernel[0], sigma_x).transpose(1, 2)
    blurred = _blur_matrix(height, kernel[1], sigma_y) @ images.squeeze(1) @ across
    return blurred.unsqueeze(1).round() if eight_bit else blurred.unsqueeze(1)


def _blur_matrix(size: int, kernel: int, sigma: Tensor) -> Tensor:
    """(N, size, size): a line of pixels times it is the blurred line. At 28 pixels it beats a convolution."""
    pixel = torch.arange(size, device=sigma.device)
    offset = torch.arange(kernel, device=sigma.device) - kernel // 2
    weights = torch.softmax(-0.5 * (offset / sigma[:, None]) ** 2, 1)  # (N, kernel)
    source = mirror(pixel + offset[:, None], size, "reflect")  # (kernel, size)
    taps = (source[:, :, None] == pixel).float()  # (kernel, size, size); sums of these need no atomic additions
    return (weights @ taps.view(kernel, size * size)).view(-1, size, size)


def mirror(index: Tensor, size: int, mode: str) -> Tensor:
    """Bring the indices of a padded line back into 0 .. size - 1; `mode` is edge, reflect or symmetric."""
    if mode == "edge":
        return index.clamp(0, size - 1)
    last = 2 * size - (2 if mode == "reflect" else 1)  # reflect does not repeat the border pixel, symmetric does
    index = index.remainder(max(2 * size - 2, 1) if mode == "reflect" else 2 * size)
    return torch.minimum(index, last - index)
