"""Batch norm, ReLU and dropout, each alone or one after the other in one pass over memory in each direction.

    y = dropout(relu(x * scale + shift))

x is (blocks, C, ..., 32). Memory bandwidth is the limit, so no kernel reads a number that it can compute again: ReLU's
and dropout's masks are. Sums over a channel are float32 within one block of images and float64 beyond.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from course.kernels.builder import DOUBLE, INT, LANES, Kernel, Value, vector
from course.kernels.instructions import Instruction
from course.kernels.layout import BLOCK, VECTORS
from course.kernels.random_bits import LEVELS, Stream

Dropout = Literal["", "numbers", "channels"]


@dataclass(frozen=True)
class Steps:
    """What a kernel computes. `dropout` drops single numbers or whole channels of an image; both come after ReLU."""

    affine: bool = False
    relu: bool = False
    dropout: Dropout = ""


@dataclass(frozen=True)
class Draw:
    """What dropout needs of a step: the key of its random numbers and how many of 65,536 levels it drops.

    `state` is int64 (2,), which `set` fills before each step; `factor` is float32 (1,).
    """

    p: float
    state: Tensor
    factor: Tensor

    @classmethod
    def with_probability(cls, p: float) -> Draw:
        return cls(p, torch.zeros(2, dtype=torch.int64), torch.tensor([1 / (1 - p)]))

    def set(self, key: int, level: int) -> None:
        """`key` and `level` are random. The number of dropped levels is rounded by `level`, so that p is exact."""
        dropped = min(int(self.p * LEVELS + (level & (2**32 - 1)) / 2**32), LEVELS - 1)
        self.state[0], self.state[1] = key, dropped - LEVELS // 2


# ---- kernels. `affine` is (C, 2), scale and shift; `gradients` (C, 4): scale, the factor of x, a constant, the mean


class _Pixels:
    """The numbers of one channel of one block of images, in a loop over pixels, with the masks of ReLU and dropout."""

    def __init__(self, kernel: Kernel, steps: Steps, task: Value):
        self._kernel, self._steps = kernel, steps
        self.channel, self._first = task % kernel["channels"], task * kernel["pixels"]
        self.block = task // kernel["channels"]
        self.zero = kernel.number(0.0)
        if steps.affine:
            self.scale = kernel.broadcast("affine", self.channel * 2)
            self.shift = kernel.broadcast("affine", self.channel * 2 + 1)
        if steps.dropout:
            self._threshold = kernel.load("state", 1, INT).truncated(16)
            self._factor = kernel.broadcast("factor", 0)
            self._stream = Stream(kernel, kernel.load("state", 0, INT), task)
            self._fixed = self._keeps() if steps.dropout == "channels" else None

    def _keeps(self) -> list[Value]:
        threshold = self._kernel.in_all_lanes(self._threshold)
        return [bits >= threshold for bits in self._stream.draw()]

    def offset(self, pixel: Value, v: int) -> Value:
        return (self._first + pixel) * BLOCK + v * LANES

    def drawn(self) -> list[Value] | None:
        """Which images keep their number at the next pixel; None without dropout."""
        if not self._steps.dropout:
            return None
        return self._fixed if self._fixed is not None else self._keeps()

    def dropped(self, value: Value, kept: list[Value] | None, v: int) -> Value:
        return value if kept is None else (value * self._factor).where(kept[v], self.zero)

    def before_relu(self, x: Value) -> Value:
        return self._kernel.fma(x, self.scale, self.shift) if self._steps.affine else x

    def activated(self, value: Value) -> Value:
        """NaN stays NaN."""
        return self.zero.where(value < 0.0, value) if self._steps.relu else value

    def through_relu(self, gradient: Value, x: Value) -> Value:
        """The gradient before ReLU."""
        return self.zero.where(self.before_relu(x) <= 0.0, gradient) if self._steps.relu else gradient


_SIZES = ["blocks", "channels", "pixels"]


def _kernel(name: str, steps: Steps, pointers: list[str], integers: list[str]) -> Kernel:
    pointers = [*pointers, *["affine"] * steps.affine, *["state", "factor"] * bool(steps.dropout)]
    return Kernel(name, pointers, [*_SIZES, *integers])


@functools.cache
def _forward(steps: Steps) -> int:
    kernel = _kernel("pointwise", steps, ["x", "y"], [])
    with kernel.tasks(kernel["blocks"] * kernel["channels"]) as task:
        pixels = _Pixels(kernel, steps, task)
        with kernel.loop(0, kernel["pixels"]) as pixel:
            kept = pixels.drawn()
            for v in range(VECTORS):
                y = pixels.activated(pixels.before_relu(kernel.load("x", pixels.offset(pixel, v))))
                kernel.store(pixels.dropped(y, kept, v), "y", pixels.offset(pixel, v))
    return kernel.address()


@functools.cache
def _gradient_sums(steps: Steps) -> int:
    """Sums of dy and of dy * (x - mean) over the pixels: `sums` is (blocks, C, 2, 32)."""
    kernel = _kernel("gradient_sums", steps, ["x", "dy", "gradients", "sums"], [])
    with kernel.tasks(kernel["blocks"] * kernel["channels"]) as task:
        pixels = _Pixels(kernel, steps, task)
        mean = kernel.broadcast("gradients", pixels.channel * 4 + 3)
        totals = [[kernel.variable(pixels.zero) for _ in range(VECTORS)] for _ in range(2)]
        with kernel.loop(0, kernel["pixels"]) as pixel:
            kept = pixels.drawn()
            for v in range(VECTORS):
                x, dy = (kernel.load(name, pixels.offset(pixel, v)) for name in ("x", "dy"))
                gradient = pixels.through_relu(pixels.dropped(dy, kept, v), x)
                totals[0][v].set(totals[0][v].get() + gradient)
                totals[1][v].set(kernel.fma(gradient, x - mean, totals[1][v].get()))
        for i, vectors in enumerate(totals):
            for v, total in enumerate(vectors):
                kernel.store(total.get(), "sums", (task * 2 + i) * BLOCK + v * LANES)
    return kernel.address()


@functools.cache
def _input_gradient(steps: Steps) -> int:
    """dx from dy, which may be the same memory. Images that the last block lacks get 0."""
    names = ["x", "dy", "dx", *["gradients"] * steps.affine]
    kernel = _kernel("input_gradient", steps, names, ["images"])
    with kernel.tasks(kernel["blocks"] * kernel["channels"]) as task:
        pixels = _Pixels(kernel, steps, task)
        if steps.affine:
            scale, x_factor, shift = (kernel.broadcast("gradients", pixels.channel * 4 + i) for i in range(3))
            valid = [kernel.are_below(pixels.block * BLOCK + v * LANES, kernel["images"]) for v in range(VECTORS)]
        with kernel.loop(0, kernel["pixels"]) as pixel:
            kept = pixels.drawn()
            for v in range(VECTORS):
                x, dy = (kernel.load(name, pixels.offset(pixel, v)) for name in ("x", "dy"))
                gradient = pixels.through_relu(pixels.dropped(dy, kept, v), x)
                if steps.affine:
                    gradient = kernel.fma(gradient, scale, kernel.fma(x, x_factor, shift)).where(valid[v], pixels.zero)
                kernel.store(gradient, "dx", pixels.offset(pixel, v))
    return kernel.address()


@functools.cache
def _moments() -> int:
    """What mean and variance are made of: (blocks, C, 3, 32), for each image its first pixel p and sums of x - p and
    of (x - p) ** 2, so that little precision is lost however far the mean is from 0."""
    kernel = Kernel("moments", ["x", "moments"], _SIZES)
    with kernel.tasks(kernel["blocks"] * kernel["channels"]) as task:
        first = task * kernel["pixels"]
        pivots = [kernel.load("x", first * BLOCK + v * LANES) for v in range(VECTORS)]
        totals = [[kernel.variable(kernel.number(0.0)) for _ in range(VECTORS)] for _ in range(2)]
        with kernel.loop(0, kernel["pixels"]) as pixel:
            for v in range(VECTORS):
                difference = kernel.load("x", (first + pixel) * BLOCK + v * LANES) - pivots[v]
                totals[0][v].set(totals[0][v].get() + difference)
                totals[1][v].set(kernel.fma(difference, difference, totals[1][v].get()))
        for v in range(VECTORS):
            for i, value in enumerate((pivots[v], totals[0][v].get(), totals[1][v].get())):
                kernel.store(value, "moments", (task * 3 + i) * BLOCK + v * LANES)
    return kernel.address()


@functools.cache
def _finish_moments() -> int:
    """Batch norm's `affine`, `gradients` and `statistics` (C, 2), float64: mean and 1 / std; updates running ones.

    `options` is float64 (2,): eps and momentum.
    """
    names = ["moments", "weight", "bias", "running_mean", "running_var", "options", "affine", "gradients", "statistics"]
    kernel = Kernel("finish_moments", names, [*_SIZES, "images"])
    with kernel.tasks(kernel["channels"]) as c:
        zero = kernel.number(0.0, vector(DOUBLE))
        total, squares = kernel.variable(zero), kernel.variable(zero)
        pixels = kernel["pixels"].to_double()
        with kernel.loop(0, kernel["blocks"]) as block:
            for v in range(VECTORS):
                at = (block * kernel["channels"] + c) * 3 * BLOCK + v * LANES
                pivot, sums, dots = (kernel.load("moments", at + i * BLOCK).double() for i in range(3))
                valid = kernel.are_below(block * BLOCK + v * LANES, kernel["images"])
                count = kernel.in_all_lanes(pixels)
                total.set(total.get() + (count * pivot + sums).where(valid, zero))
                terms = dots + (2.0 * sums + count * pivot) * pivot
                squares.set(squares.get() + terms.where(valid, zero))
        count = pixels * kernel["images"].to_double()
        mean = total.get().lane_sum() / count
        variance = squares.get().lane_sum() / count - mean * mean
        variance = kernel.number(0.0, DOUBLE).where(variance < 0.0, variance)
        _store_batch_norm(kernel, c, mean, variance)
        momentum = kernel.load("options", 1, DOUBLE)
        for name, value in (("running_mean", mean), ("running_var", variance * (count / (count - 1.0)))):
            old = kernel.scalar(name, c).double()
            kernel.store((old * (1.0 - momentum) + value * momentum).single(), name, c)
    return kernel.address()


@functools.cache
def _from_running() -> int:
    """Batch norm's `affine` in test mode."""
    names = ["weight", "bias", "running_mean", "running_var", "options", "affine", "gradients", "statistics"]
    kernel = Kernel("from_running", names, ["channels"])
    with kernel.tasks(kernel["channels"]) as c:
        mean, variance = (kernel.scalar(name, c).double() for name in ("running_mean", "running_var"))
        _store_batch_norm(kernel, c, mean, variance)
    return kernel.address()


def _store_batch_norm(kernel: Kernel, c: Value, mean: Value, variance: Value) -> None:
    inv_std = 1.0 / kernel.sqrt(variance + kernel.load("options", 0, DOUBLE))
    scale = kernel.scalar("weight", c).double() * inv_std
    shift = kernel.scalar("bias", c).double() - mean * scale
    for name, index, value in (
        ("affine", c * 2, scale),
        ("affine", c * 2 + 1, shift),
        ("gradients", c * 4, scale),
        ("gradients", c * 4 + 3, mean),
    ):
        kernel.store(value.single(), name, index)
    kernel.store(mean, "statistics", c * 2)
    kernel.store(inv_std, "statistics", c * 2 + 1)


@functools.cache
def _finish_gradient_sums() -> int:
    """Adds to dweight and dbias (C,), and completes `gradients`."""
    names = ["sums", "weight", "statistics", "dweight", "dbias", "gradients"]
    kernel = Kernel("finish_gradient_sums", names, [*_SIZES, "images"])
    with kernel.tasks(kernel["channels"]) as c:
        zero = kernel.number(0.0, vector(DOUBLE))
        totals = [kernel.variable(zero) for _ in range(2)]
        with kernel.loop(0, kernel["blocks"]) as block:
            for v in range(VECTORS):
                valid = kernel.are_below(block * BLOCK + v * LANES, kernel["images"])
                for i, total in enumerate(totals):
                    at = ((block * kernel["channels"] + c) * 2 + i) * BLOCK + v * LANES
                    total.set(total.get() + kernel.load("sums", at).double().where(valid, zero))
        dbias, dy_dot_centered = (total.get().lane_sum() for total in totals)
        mean, inv_std = (kernel.load("statistics", c * 2 + i, DOUBLE) for i in range(2))
        dweight = dy_dot_centered * inv_std
        for name, value in (("dweight", dweight), ("dbias", dbias)):
            kernel.store(kernel.scalar(name, c) + value.single(), name, c)
        # dx = weight / std * (dy - (dbias + (x - mean) / std * dweight) / count)
        count = (kernel["pixels"] * kernel["images"]).to_double()
        per_number = kernel.scalar("weight", c).double() * inv_std / count
        x_factor = -(per_number * inv_std * dweight)
        kernel.store(x_factor.single(), "gradients", c * 4 + 1)
        kernel.store((-(per_number * dbias) - x_factor * mean).single(), "gradients", c * 4 + 2)
    return kernel.address()


@functools.cache
def _channel_sums() -> int:
    """Sums over the pixels of each image: `sums` is (blocks, C, 32)."""
    kernel = Kernel("channel_sums", ["x", "sums"], _SIZES)
    with kernel.tasks(kernel["blocks"] * kernel["channels"]) as task:
        totals = [kernel.variable(kernel.number(0.0)) for _ in range(VECTORS)]
        with kernel.loop(0, kernel["pixels"]) as pixel:
            for v, total in enumerate(totals):
                x = kernel.load("x", (task * kernel["pixels"] + pixel) * BLOCK + v * LANES)
                total.set(total.get() + x)
        for v, total in enumerate(totals):
            kernel.store(total.get(), "sums", task * BLOCK + v * LANES)
    return kernel.address()


@functools.cache
def _finish_channel_sums() -> int:
    """Adds `sums`, over all images, to `totals` (C,)."""
    kernel = Kernel("finish_channel_sums", ["sums", "totals"], _SIZES)
    with kernel.tasks(kernel["channels"]) as c:
        total = kernel.variable(kernel.number(0.0, vector(DOUBLE)))
        with kernel.loop(0, kernel["blocks"]) as block:
            for v in range(VECTORS):
                at = (block * kernel["channels"] + c) * BLOCK + v * LANES
                total.set(total.get() + kernel.load("sums", at).double())
        kernel.store(kernel.scalar("totals", c) + total.get().lane_sum().single(), "totals", c)
    return kernel.address()


# ---- for tensors


def _sizes(images: Tensor) -> tuple[int, int, int]:
    """(blocks, channels, pixels)"""
    return len(images), images.shape[1], math.prod(images.shape[2:-1])


def _drawn(draw: Draw | None) -> tuple[Tensor, ...]:
    """What a kernel with dropout reads of it."""
    return () if draw is None else (draw.state, draw.factor)


def sum_channels(images: Tensor, totals: Tensor) -> list[Instruction]:
    """Adds the sum of each channel to `totals` (C,): the gradient of a convolution's bias."""
    sums = torch.empty(*images.shape[:2], BLOCK)
    return [
        Instruction(_channel_sums(), (images, sums, *_sizes(images))),
        Instruction(_finish_channel_sums(), (sums, totals, *_sizes(images))),
    ]


@dataclass(frozen=True)
class Pointwise:
    """ReLU and dropout, on a batch of `images` images."""

    images: int
    steps: Steps
    draw: Draw | None

    def forward(self, x: Tensor, y: Tensor) -> list[Instruction]:
        return [Instruction(_forward(self.steps), (x, y, *_drawn(self.draw), *_sizes(x)))]

    def backward(self, x: Tensor, dy: Tensor, dx: Tensor) -> list[Instruction]:
        """dx may be the same memory as dy."""
        return [Instruction(_input_gradient(self.steps), (x, dy, dx, *_drawn(self.draw), *_sizes(x), self.images))]


class BatchNorm:
    """Batch norm, and ReLU and dropout after it, on a batch of `images` images.

    In the terms of Ioffe and Szegedy (2015), `weight` is gamma and `bias` beta. The running variance is unbiased.
    """

    def __init__(
        self,
        images: int,
        steps: Steps,
        draw: Draw | None,
        weight: Tensor,
        bias: Tensor,
        running: tuple[Tensor, Tensor],
        options: tuple[float, float],
    ):
        """All tensors are (C,). `options` are eps and momentum."""
        channels = len(weight)
        self._images, self._steps, self._draw = images, steps, draw
        self._weight, self._bias, self._running = weight, bias, running
        self._options = torch.tensor(options, dtype=torch.float64)
        self._affine, self._gradients = torch.zeros(channels, 2), torch.zeros(channels, 4)
        self._statistics = torch.zeros(channels, 2, dtype=torch.float64)

    def _extra(self) -> tuple[Tensor, ...]:
        return self._affine, *_drawn(self._draw)

    def forward(self, x: Tensor, y: Tensor, training: bool) -> list[Instruction]:
        results = self._options, self._affine, self._gradients, self._statistics
        given = self._weight, self._bias, *self._running, *results
        if not training:
            finish = [Instruction(_from_running(), (*given, x.shape[1]))]
        else:
            moments = torch.empty(*x.shape[:2], 3, BLOCK)
            finish = [
                Instruction(_moments(), (x, moments, *_sizes(x))),
                Instruction(_finish_moments(), (moments, *given, *_sizes(x), self._images)),
            ]
        return [*finish, Instruction(_forward(self._steps), (x, y, *self._extra(), *_sizes(x)))]

    def backward(self, x: Tensor, dy: Tensor, dx: Tensor | None, dweight: Tensor, dbias: Tensor) -> list[Instruction]:
        """Adds to dweight and dbias, and writes dx, which may be the same memory as dy."""
        sums = torch.empty(*x.shape[:2], 2, BLOCK)
        given = sums, self._weight, self._statistics, dweight, dbias, self._gradients
        instructions = [
            Instruction(_gradient_sums(self._steps), (x, dy, self._gradients, sums, *self._extra(), *_sizes(x))),
            Instruction(_finish_gradient_sums(), (*given, *_sizes(x), self._images)),
        ]
        if dx is not None:
            tensors = x, dy, dx, self._gradients, *self._extra()
            instructions.append(Instruction(_input_gradient(self._steps), (*tensors, *_sizes(x), self._images)))
        return instructions


__all__ = ["BatchNorm", "Draw", "Pointwise", "Steps", "sum_channels"]
