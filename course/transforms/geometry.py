"""Geometry for a batch: affine maps, elastic distortion and blur, with parameters of its own for each image.

Shapes and `is_uint8` are those of `course.transforms.batched`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course.kernels.portable_math import sin_cos
from course.kernels.sampling import sample
from course.transforms.random_draws import RandomDraws, scalar


class AffineParameters(NamedTuple):
    """One map per image, each field (N,): the arguments of `torchvision.transforms.functional.affine`."""

    angle: Tensor  # degrees, clockwise on the screen
    shift_x: Tensor  # whole pixels
    shift_y: Tensor
    scale: Tensor
    shear_x: Tensor  # degrees
    shear_y: Tensor


def draw_affine(draws: RandomDraws, height: int, width: int, options: Mapping[str, Any]) -> AffineParameters:
    """The parameters of RandomAffine, each (N,) float32."""
    zero = torch.zeros(draws.count, device=draws.device)
    angle = draws.uniform(*options["degrees"])
    shift_x = shift_y = shear_x = shear_y = zero
    if options["translate"] is not None:
        max_x, max_y = options["translate"][0] * width, options["translate"][1] * height
        shift_x, shift_y = draws.uniform(-max_x, max_x).round(), draws.uniform(-max_y, max_y).round()
    scale = zero + 1 if options["scale"] is None else draws.uniform(*options["scale"])
    if options["shear"] is not None:
        shear_x = draws.uniform(*options["shear"][:2])
        if len(options["shear"]) == 4:
            shear_y = draws.uniform(*options["shear"][2:])
    return AffineParameters(angle, shift_x, shift_y, scale, shear_x, shear_y)


def draw_rotation(draws: RandomDraws, options: Mapping[str, Any]) -> AffineParameters:
    """The parameters of RandomRotation, whose angles turn in the opposite direction to RandomAffine's."""
    zero = torch.zeros(draws.count, device=draws.device)
    return AffineParameters(-draws.uniform(*options["degrees"]), zero, zero, zero + 1, zero, zero)


def apply_affine(images: Tensor, affine: AffineParameters, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    """Apply one map to each image (N, 1, H, W). `options`: center, interpolation, fill."""
    height, width = images.shape[-2:]
    grid = _source_grid(_inverse_matrix(affine, options["center"], height, width), height, width)
    return _sample(images, grid, options, is_uint8)


def _sample(images: Tensor, grid: Tensor, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    """Sample `images` at the positions `grid` (N, H, W, 2). Outside of an image is `fill`, or zeros if that is None.

    As in torchvision, a bilinear sample that lies partly outside is weighted twice with its part inside.
    """
    fill, mode = scalar(options["fill"]), options["interpolation"]
    needs_mask = fill is not None and not (fill == 0 and mode == "nearest")  # grid_sample fills with 0 itself
    out, inside = _sampled(images, grid, mode, needs_mask)
    if needs_mask:
        out = torch.where(inside < 0.5, fill, out) if mode == "nearest" else out.sub_(fill).mul_(inside).add_(fill)
    return out.round_() if is_uint8 and mode == "bilinear" else out


def _sampled(images: Tensor, grid: Tensor, mode: str, needs_mask: bool) -> tuple[Tensor, Tensor]:
    """The samples, with zeros outside of an image, and the share of the image in each, both (N, 1, H, W)."""
    if _has_kernels(images):
        height, width = images.shape[-2:]
        x, y = (((grid[..., i] + 1) * size - 1) * 0.5 for i, size in enumerate((width, height)))
        out, inside = sample(images.squeeze(1), x, y, is_bilinear=mode == "bilinear")
        return out.unsqueeze(1), inside.unsqueeze(1)
    if needs_mask:
        images = torch.cat((images, torch.ones_like(images)), 1)
    out = F.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)
    return out[:, :1], out[:, 1:]


def _has_kernels(images: Tensor) -> bool:
    """Whether they are in memory that the CPU's kernels read; a fake tensor has none."""
    return type(images) is Tensor and images.device.type == "cpu"


def _inverse_matrix(affine: AffineParameters, center: Any, height: int, width: int) -> Tensor:
    """(N, 2, 3) float32: maps an output pixel to its source, both in pixels from the image's middle."""
    # torchvision computes it in double precision, which Apple's GPUs do not have
    dtype = torch.float32 if affine.angle.device.type == "mps" else torch.float64
    angle, shift_x, shift_y, scale, shear_x, shear_y = (values.to(dtype) for values in affine)
    cx, cy = (0.0, 0.0) if center is None else (center[0] - width * 0.5, center[1] - height * 0.5)
    angle, shear_x, shear_y = torch.deg2rad(angle), torch.deg2rad(shear_x), torch.deg2rad(shear_y)

    (sin, cos), (_, cos_y), (sin_x, cos_x) = map(sin_cos, (angle, shear_y, shear_x))
    sin_less, cos_less = sin_cos(angle - shear_y)
    tan_x = sin_x / cos_x
    # rotation times shears, [[a, b], [c, d]], has determinant 1
    a = cos_less / cos_y
    b = -(a * tan_x + sin)
    c = sin_less / cos_y
    d = cos - c * tan_x
    a, b, c, d = d / scale, -b / scale, -c / scale, a / scale
    x = cx - a * (cx + shift_x) - b * (cy + shift_y)
    y = cy - c * (cx + shift_x) - d * (cy + shift_y)
    return torch.stack((a, b, x, c, d, y), 1).view(-1, 2, 3).float()


def _source_grid(matrix: Tensor, height: int, width: int) -> Tensor:
    """(N, H, W, 2): the positions for grid_sample, in halves of an image from its middle."""
    x = torch.arange(width, device=matrix.device) - (width - 1) * 0.5
    y = torch.arange(height, device=matrix.device) - (height - 1) * 0.5
    to_x, to_y = matrix[:, 0] / (0.5 * width), matrix[:, 1] / (0.5 * height)
    scaled = torch.stack((to_x, to_y), 1)  # (N, 2, 3)
    from_x, from_y = scaled[:, :, 0, None] * x, scaled[:, :, 1, None] * y + scaled[:, :, 2, None]
    # x and y as separate planes: filling and sampling them is several times faster than interleaved
    return (from_x[:, :, None, :] + from_y[:, :, :, None]).permute(0, 2, 3, 1)


def random_affine(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    height, width = images.shape[-2:]
    return apply_affine(images, draw_affine(draws, height, width, options), options, is_uint8)


def random_rotation(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    return apply_affine(images, draw_rotation(draws, options), options, is_uint8)


def draw_displacement(draws: RandomDraws, height: int, width: int, options: Mapping[str, Any]) -> Tensor:
    """ElasticTransform's displacement (N, 2, H, W), x first, in halves of an image: smoothed noise."""
    planes = []
    for alpha, sigma, size in zip(options["alpha"], options["sigma"], (width, height), strict=True):
        noise = draws.uniform(-1, 1, (1, height, width))
        if sigma > 0:
            kernel = int(8 * sigma + 1) // 2 * 2 + 1  # odd, and wide enough for four sigma on both sides
            sigma_x, sigma_y = (torch.full((1,), float(s), device=draws.device) for s in options["sigma"])
            noise = apply_blur(noise, (kernel, kernel), sigma_x, sigma_y, is_uint8=False)
        planes.append(noise * (alpha / size))
    return torch.cat(planes, 1)


def elastic_transform(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    height, width = images.shape[-2:]
    displacement = draw_displacement(draws, height, width, options)
    return apply_displacement(images, displacement, options, is_uint8)


def apply_displacement(images: Tensor, displacement: Tensor, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    """Move the pixels of each image (N, 1, H, W) by `displacement`. `options`: interpolation, fill."""
    height, width = images.shape[-2:]
    identity = torch.eye(2, 3, device=images.device).expand(len(images), 2, 3)
    grid = _source_grid(identity, height, width) + displacement.permute(0, 2, 3, 1)
    return _sample(images, grid, options, is_uint8)


def gaussian_blur(images: Tensor, draws: RandomDraws, options: Mapping[str, Any], is_uint8: bool) -> Tensor:
    sigma = draws.uniform(*options["sigma"])
    return apply_blur(images, options["kernel_size"], sigma, sigma, is_uint8)


def apply_blur(images: Tensor, kernel: Sequence[int], sigma_x: Tensor, sigma_y: Tensor, is_uint8: bool) -> Tensor:
    """Blur (N, 1, H, W) with a kernel of (width, height) pixels and sigmas (N,), or (1,) for all; borders reflect."""
    height, width = images.shape[-2:]
    horizontal = _blur_matrix(width, kernel[0], sigma_x).transpose(1, 2)
    blurred = _blur_matrix(height, kernel[1], sigma_y) @ images.squeeze(1) @ horizontal
    return blurred.unsqueeze(1).round() if is_uint8 else blurred.unsqueeze(1)


def _blur_matrix(size: int, kernel: int, sigma: Tensor) -> Tensor:
    """(N, size, size): the matrix that blurs a line of pixels. At 28 pixels it is faster than a convolution."""
    pixel = torch.arange(size, device=sigma.device)
    offset = torch.arange(kernel, device=sigma.device) - kernel // 2
    weights = torch.softmax(-0.5 * (offset / sigma[:, None]) ** 2, 1)  # (N, kernel)
    source = padding_indices(pixel + offset[:, None], size, "reflect")  # (kernel, size)
    taps = (source[:, :, None] == pixel).float()  # (kernel, size, size); summed without atomic additions, so repeatably
    return (weights @ taps.view(kernel, size * size)).view(-1, size, size)


def padding_indices(index: Tensor, size: int, mode: str) -> Tensor:
    """Indices into a line of `size` pixels for those of the padded line; `mode` is edge, reflect or symmetric."""
    if mode == "edge":
        return index.clamp(0, size - 1)
    last = 2 * size - (2 if mode == "reflect" else 1)  # reflect does not repeat the border pixel, symmetric does
    index = index.remainder(max(2 * size - 2, 1) if mode == "reflect" else 2 * size)
    return torch.minimum(index, last - index)
