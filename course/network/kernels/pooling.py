"""Max-pooling of windows that do not overlap."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import Function

from course.network.kernels.layout import (
    Float32,
    are_integers,
    as_pair,
    empty_batch_innermost,
    is_float32_batch,
    pixel_view,
    to_batch_innermost,
)
from course.network.kernels.numba_loops import compiled

aten = torch.ops.aten
MAX_WINDOW = 16  # numbers in a window; the compiled loops are unrolled over them
UInt8 = npt.NDArray[np.uint8]
Pool = Callable[[Float32, Float32, UInt8], None]
PoolGradient = Callable[[Float32, UInt8, Float32], None]


@functools.cache
def _loops(kernel_h: int, kernel_w: int) -> tuple[Pool, PoolGradient]:
    """The loops of both directions for one size of window."""
    window = kernel_h * kernel_w

    @compiled
    def pool(x: Float32, y: Float32, argmax: UInt8) -> None:
        """x (C, H, W, N) -> the maximum of each window in y (C, H', W', N), and its position. NaN is the maximum."""
        for c in range(y.shape[0]):
            for h in range(y.shape[1]):
                for w in range(y.shape[2]):
                    for n in range(y.shape[3]):
                        largest, position = x[c, h * kernel_h, w * kernel_w, n], np.uint8(0)
                        for i in range(1, window):
                            other = x[c, h * kernel_h + i // kernel_w, w * kernel_w + i % kernel_w, n]
                            replaces = other > largest or other != other
                            largest = other if replaces else largest
                            position = np.uint8(i) if replaces else position
                        y[c, h, w, n], argmax[c, h, w, n] = largest, position

    @compiled
    def gradient(dy: Float32, argmax: UInt8, dx: Float32) -> None:
        """dx is the gradient of y at the position of each window's maximum, and 0 elsewhere in the windows."""
        for c in range(dy.shape[0]):
            for h in range(dy.shape[1]):
                for w in range(dy.shape[2]):
                    for i in range(window):
                        row = dx[c, h * kernel_h + i // kernel_w, w * kernel_w + i % kernel_w]
                        for n in range(dy.shape[3]):
                            row[n] = dy[c, h, w, n] if argmax[c, h, w, n] == np.uint8(i) else np.float32(0)

    return pool, gradient


def _chwn_view(images: Tensor) -> Float32:
    """The same memory as (C, H, W, N)."""
    return pixel_view(images).reshape(*images.shape[1:], len(images))


class _MaxPool2d(Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, kernel_h: int, kernel_w: int) -> Tensor:  # ctx takes any attribute
        images = to_batch_innermost(images)
        batch, channels, in_h, in_w = images.shape
        out = empty_batch_innermost(batch, channels, in_h // kernel_h, in_w // kernel_w)
        ctx.argmax = np.empty(_chwn_view(out).shape, np.uint8)
        ctx.kernel, ctx.shape = (kernel_h, kernel_w), images.shape
        _loops(kernel_h, kernel_w)[0](_chwn_view(images), _chwn_view(out), ctx.argmax)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        dimages = empty_batch_innermost(*ctx.shape)
        if any(size % length for size, length in zip(ctx.shape[2:], ctx.kernel, strict=True)):
            dimages.zero_()  # no window covers the edge
        _loops(*ctx.kernel)[1](_chwn_view(to_batch_innermost(gradient)), ctx.argmax, _chwn_view(dimages))
        return dimages, None, None


def max_pool2d(
    images: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] = (),
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """`aten.max_pool2d`."""
    kernel, strides = as_pair(kernel_size), as_pair(kernel_size if stride in ((), []) else stride)
    if _is_supported(images, kernel, strides, as_pair(padding), as_pair(dilation), ceil_mode):
        output: Tensor = _MaxPool2d.apply(images, *kernel)
    else:
        output = aten.max_pool2d.default(images, kernel_size, stride, padding, dilation, ceil_mode)
    return output


def _is_supported(
    images: object,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil_mode: bool,
) -> bool:
    """Whether the windows lie side by side, inside the images."""
    return (
        is_float32_batch(images)
        and are_integers(*kernel, *stride, *padding, *dilation)
        and images.dim() == 4
        and (stride, padding, dilation) == (kernel, (0, 0), (1, 1))
        and 1 < kernel[0] * kernel[1] <= MAX_WINDOW
        and all(size >= length for size, length in zip(images.shape[2:], kernel, strict=True))
        and not (ceil_mode and any(size % length for size, length in zip(images.shape[2:], kernel, strict=True)))
    )
