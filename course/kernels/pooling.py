"""Max-pooling and average pooling of windows that do not overlap. x is (blocks, C, in_h, in_w, 32)."""

from __future__ import annotations

import functools

from torch import Tensor

from course.kernels.builder import LANES, Kernel, Value
from course.kernels.instructions import Instruction
from course.kernels.layout import BLOCK, VECTORS

MAX_WINDOW = 16  # numbers in a window of max-pooling; its loops are unrolled
_SIZES = "channels in_h in_w out_h out_w kernel_h kernel_w".split()


class _Windows:
    """The windows of one channel of one block of images: offsets of their numbers."""

    def __init__(self, kernel: Kernel, channel: Value, h: Value, w: Value):
        self._kernel = kernel
        self._x = (channel * kernel["in_h"] + h * kernel["kernel_h"]) * kernel["in_w"] + w * kernel["kernel_w"]
        self._y = (channel * kernel["out_h"] + h) * kernel["out_w"] + w

    def x(self, row: Value | int, column: Value | int, v: int) -> Value:
        return (self._x + self._kernel["in_w"] * row + column) * BLOCK + v * LANES

    def y(self, v: int) -> Value:
        return self._y * BLOCK + v * LANES


@functools.cache
def _max_forward(window_h: int, window_w: int) -> int:
    """The maximum of each window; NaN is the maximum."""
    kernel = Kernel("max_pool", ["x", "y"], _SIZES)
    rows, columns = kernel["out_h"], kernel["out_w"]
    with kernel.tasks(kernel["channels"]) as channel, kernel.loop(0, rows) as h, kernel.loop(0, columns) as w:
        windows = _Windows(kernel, channel, h, w)
        for v in range(VECTORS):
            largest = kernel.load("x", windows.x(0, 0, v))
            for i in range(1, window_h * window_w):
                x = kernel.load("x", windows.x(i // window_w, i % window_w, v))
                largest = x.where((x > largest) | x.is_nan, largest)
            kernel.store(largest, "y", windows.y(v))
    return kernel.address()


@functools.cache
def _max_backward(window_h: int, window_w: int) -> int:
    """dx is dy at the first maximum of each window, and 0 elsewhere in it."""
    kernel = Kernel("max_pool_gradient", ["x", "y", "dy", "dx"], _SIZES)
    with kernel.tasks(kernel["channels"]) as channel:
        _zero_edges(kernel, channel)
        with kernel.loop(0, kernel["out_h"]) as h, kernel.loop(0, kernel["out_w"]) as w:
            windows = _Windows(kernel, channel, h, w)
            for v in range(VECTORS):
                largest, gradient = kernel.load("y", windows.y(v)), kernel.load("dy", windows.y(v))
                for i in range(window_h * window_w):
                    at = windows.x(i // window_w, i % window_w, v)
                    is_largest = kernel.load("x", at).equals(largest)
                    kernel.store(gradient.where(is_largest, 0.0), "dx", at)
                    gradient = kernel.number(0.0).where(is_largest, gradient)
    return kernel.address()


@functools.cache
def _mean_forward() -> int:
    kernel = Kernel("mean_pool", ["x", "y", "count"], _SIZES)
    rows, columns = kernel["out_h"], kernel["out_w"]
    with kernel.tasks(kernel["channels"]) as channel, kernel.loop(0, rows) as h, kernel.loop(0, columns) as w:
        windows = _Windows(kernel, channel, h, w)
        for v in range(VECTORS):
            total = kernel.variable(kernel.number(0.0))
            with kernel.loop(0, kernel["kernel_h"]) as row, kernel.loop(0, kernel["kernel_w"]) as column:
                total.set(total.get() + kernel.load("x", windows.x(row, column, v)))
            kernel.store(total.get() / kernel.broadcast("count", 0), "y", windows.y(v))
    return kernel.address()


@functools.cache
def _mean_backward() -> int:
    kernel = Kernel("mean_pool_gradient", ["dy", "dx", "count"], _SIZES)
    with kernel.tasks(kernel["channels"]) as channel:
        _zero_edges(kernel, channel)
        with kernel.loop(0, kernel["out_h"]) as h, kernel.loop(0, kernel["out_w"]) as w:
            windows = _Windows(kernel, channel, h, w)
            for v in range(VECTORS):
                gradient = kernel.load("dy", windows.y(v)) / kernel.broadcast("count", 0)
                with kernel.loop(0, kernel["kernel_h"]) as row, kernel.loop(0, kernel["kernel_w"]) as column:
                    kernel.store(gradient, "dx", windows.x(row, column, v))
    return kernel.address()


def _zero_edges(kernel: Kernel, channel: Value) -> None:
    """dx is 0 at the right and at the bottom, which no window covers."""
    covered_h, covered_w = kernel["out_h"] * kernel["kernel_h"], kernel["out_w"] * kernel["kernel_w"]
    with kernel.loop(0, kernel["in_h"]) as h:
        first = covered_w.where(h < covered_h, 0)
        with kernel.loop(first, kernel["in_w"]) as w:
            for v in range(VECTORS):
                at = ((channel * kernel["in_h"] + h) * kernel["in_w"] + w) * BLOCK + v * LANES
                kernel.store(kernel.number(0.0), "dx", at)


def _sizes(x: Tensor, y: Tensor, window: tuple[int, int]) -> tuple[int, ...]:
    return x.shape[0] * x.shape[1], *x.shape[2:4], *y.shape[2:4], *window


def max_pool(x: Tensor, y: Tensor, window: tuple[int, int]) -> list[Instruction]:
    return [Instruction(_max_forward(*window), (x, y, *_sizes(x, y, window)))]


def max_pool_backward(x: Tensor, y: Tensor, dy: Tensor, dx: Tensor, window: tuple[int, int]) -> list[Instruction]:
    return [Instruction(_max_backward(*window), (x, y, dy, dx, *_sizes(x, y, window)))]


def mean_pool(x: Tensor, y: Tensor, window: tuple[int, int]) -> list[Instruction]:
    return [Instruction(_mean_forward(), (x, y, _count(x, window), *_sizes(x, y, window)))]


def mean_pool_backward(dy: Tensor, dx: Tensor, window: tuple[int, int]) -> list[Instruction]:
    return [Instruction(_mean_backward(), (dy, dx, _count(dx, window), *_sizes(dx, dy, window)))]


def _count(like: Tensor, window: tuple[int, int]) -> Tensor:
    return like.new_tensor([window[0] * window[1]])
