"""Images sampled at any positions, as affine maps and elastic distortions need it."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

from course.kernels.builder import LANES, Kernel, Value
from course.kernels.instructions import Instruction, Instructions


@functools.cache
def _sample(is_bilinear: bool) -> int:
    """Each number of `out` is the image at (x, y) in pixels, 0 outside; `inside` the share of the image in it."""
    kernel = Kernel("sample", ["image", "x", "y", "out", "inside"], ["images", "height", "width", "vectors"])
    with kernel.tasks(kernel["images"]) as task, kernel.loop(0, kernel["vectors"]) as i:
        at = (task * kernel["vectors"] + i) * LANES
        x = _near(kernel, kernel.load("x", at), kernel["width"])
        y = _near(kernel, kernel.load("y", at), kernel["height"])
        first = task * kernel["height"] * kernel["width"]
        if is_bilinear:
            left, top = kernel.floor(x), kernel.floor(y)
            columns = [(left, 1.0 - (x - left)), (left + 1.0, x - left)]
            rows = [(top, 1.0 - (y - top)), (top + 1.0, y - top)]
        else:
            columns = [(kernel.round_to_even(x), kernel.number(1.0))]
            rows = [(kernel.round_to_even(y), kernel.number(1.0))]
        total = inside = kernel.number(0.0)
        for row, row_weight in rows:
            for column, column_weight in columns:
                pixel, weight = _tap(kernel, first, row, column, row_weight * column_weight)
                total, inside = kernel.fma(pixel, weight, total), inside + weight
        kernel.store(total, "out", at)
        kernel.store(inside, "inside", at)
    return kernel.address()


def _near(kernel: Kernel, position: Value, size: Value) -> Value:
    """The position, or one outside of the image if it is further away than that or not a number."""
    end = kernel.in_all_lanes((size + 1).to_float())
    return position.maximum(-2.0).minimum(end)


def _tap(kernel: Kernel, first: Value, row: Value, column: Value, weight: Value) -> tuple[Value, Value]:
    """The pixels at whole positions, and their weights: 0 outside of the image."""
    height, width = (kernel.in_all_lanes(kernel[name].to_float()) for name in ("height", "width"))
    is_inside = (row >= 0.0) & (row < height) & (column >= 0.0) & (column < width)
    offset = kernel.fma(row, width, column).where(is_inside, 0.0).to_int32()  # exact: below 2 ** 24
    pixels = kernel.gather("image", first, offset)
    return pixels, weight.where(is_inside, 0.0)


def sample(images: Tensor, x: Tensor, y: Tensor, *, is_bilinear: bool) -> tuple[Tensor, Tensor]:
    """Sample images (N, H, W) at positions x, y (N, ...) in pixels: bilinear, or the nearest pixel.

    Pixels outside are 0. Returns the samples, and the share of the image in each, both (N, ...).
    """
    count, height, width = images.shape
    length = math.prod(x.shape[1:])
    flat_x, flat_y = (_padded(positions.reshape(count, length)) for positions in (x, y))
    out, inside = torch.empty_like(flat_x), torch.empty_like(flat_x)
    tensors = images.contiguous(), flat_x, flat_y, out, inside
    sizes = count, height, width, flat_x.shape[1] // LANES
    Instructions([Instruction(_sample(is_bilinear), (*tensors, *sizes))]).run()
    return out[:, :length].view(x.shape), inside[:, :length].view(x.shape)


def _padded(positions: Tensor) -> Tensor:
    """With a length that is a multiple of 16."""
    missing = -positions.shape[1] % LANES
    return functional.pad(positions, (0, missing)) if missing else positions.contiguous()
