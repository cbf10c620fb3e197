"""Max-pooling of windows that do not overlap."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from course.network.kernels.layout import are_whole, batch_innermost, empty, is_plain, pair, rows
from course.network.kernels.loops import compiled

aten = torch.ops.aten
MOST_IN_A_WINDOW = 16  # its places are spelled out in the compiled loops


@functools.cache
def _loops(height: int, width: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Both directions for one size of window."""
    window = height * width

    @compiled
    def pool(x, y, places):
        """x (C, H, W, N) -> the largest of each window in y (C, H', W', N), and which it was. NaN is largest of all."""
        for c in range(y.shape[0]):
            for h in range(y.shape[1]):
                for w in range(y.shape[2]):
                    for n in range(y.shape[3]):
                        largest, place = x[c, h * height, w * width, n], np.uint8(0)
                        for at in range(1, window):
                            other = x[c, h * height + at // width, w * width + at % width, n]
                            replaces = other > largest or other != other
                            largest = other if replaces else largest
                            place = np.uint8(at) if replaces else place
                        y[c, h, w, n], places[c, h, w, n] = largest, place

    @compiled
    def gradient(g, places, out):
        """The gradient of y goes to the places that were largest, and 0 to the others in the windows."""
        for c in range(g.shape[0]):
            for h in range(g.shape[1]):
                for w in range(g.shape[2]):
                    for at in range(window):
                        row = out[c, h * height + at // width, w * width + at % width]
                        for n in range(g.shape[3]):
                            row[n] = g[c, h, w, n] if places[c, h, w, n] == np.uint8(at) else np.float32(0)

    return pool, gradient


def _planes(images: Tensor) -> np.ndarray:
    """(C, H, W, N)"""
    return rows(images).reshape(*images.shape[1:], len(images))


class _MaxPool(Function):
    @staticmethod
    def forward(ctx, images: Tensor, height: int, width: int) -> Tensor:
        images = batch_innermost(images)
        count, channels, tall, wide = images.shape
        out = empty(count, channels, tall // height, wide // width)
        ctx.places = np.empty(_planes(out).shape, np.uint8)
        ctx.window, ctx.shape = (height, width), images.shape
        _loops(height, width)[0](_planes(images), _planes(out), ctx.places)
        return out

    @staticmethod
    def backward(ctx, gradient: Tensor):
        out = empty(*ctx.shape)
        if any(size % length for size, length in zip(ctx.shape[2:], ctx.window, strict=True)):
            out.zero_()  # the edge that no window reaches
        _loops(*ctx.window)[1](_planes(batch_innermost(gradient)), ctx.places, _planes(out))
        return out, None, None


def max_pool2d(images: Tensor, kernel_size, stride=(), padding=0, dilation=1, ceil_mode: bool = False) -> Tensor:
    """`aten.max_pool2d`."""
    window, steps = pair(kernel_size), pair(kernel_size if stride in ((), []) else stride)
    if not _covers(images, window, steps, pair(padding), pair(dilation), ceil_mode):
        return aten.max_pool2d.default(images, kernel_size, stride, padding, dilation, ceil_mode)
    return _MaxPool.apply(images, *window)


def _covers(images: Tensor, window, steps, padding, dilation, ceil_mode: bool) -> bool:
    """Windows side by side, inside of the images."""
    return (
        is_plain(images)
        and are_whole(*window, *steps, *padding, *dilation)
        and images.dim() == 4
        and (steps, padding, dilation) == (window, (0, 0), (1, 1))
        and 1 < window[0] * window[1] <= MOST_IN_A_WINDOW
        and all(size >= length for size, length in zip(images.shape[2:], window, strict=True))
        and not (ceil_mode and any(size % length for size, length in zip(images.shape[2:], window, strict=True)))
    )
