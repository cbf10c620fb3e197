"""Sums and copies of whole values, for what several layers read or write."""

from __future__ import annotations

import functools

from torch import Tensor

from course.kernels.builder import LANES, Kernel
from course.kernels.instructions import Instruction


@functools.cache
def _add() -> int:
    """y = a + b; y may be the same memory as one of them."""
    kernel = Kernel("add", ["a", "b", "y"], ["vectors"])
    with kernel.tasks(kernel["vectors"]) as i:
        kernel.store(kernel.load("a", i * LANES) + kernel.load("b", i * LANES), "y", i * LANES)
    return kernel.address()


@functools.cache
def _copy() -> int:
    kernel = Kernel("copy", ["x", "y"], ["blocks", "vectors", "x_stride", "y_stride"])
    with kernel.tasks(kernel["blocks"]) as block, kernel.loop(0, kernel["vectors"]) as i:
        x = kernel.load("x", block * kernel["x_stride"] + i * LANES)
        kernel.store(x, "y", block * kernel["y_stride"] + i * LANES)
    return kernel.address()


def add(a: Tensor, b: Tensor, y: Tensor) -> list[Instruction]:
    """y = a + b; y may be the same memory as one of them."""
    return [Instruction(_add(), (a, b, y, a.numel() // LANES))]


def copy(x: Tensor, y: Tensor) -> list[Instruction]:
    """y = x, where each may be a slice of the channels of a larger tensor."""
    return [Instruction(_copy(), (x, y, len(x), x[0].numel() // LANES, x.stride(0), y.stride(0)))]
