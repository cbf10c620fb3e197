"""Convolution: its output, and the gradients of its weights and its input.

Sums stay in registers. The forward pass holds the sums of several output channels, at one pixel of a block of images,
while it goes through the window. The gradient of the weights holds the sums of a few output channels times a few input
channels while it goes along a row. The gradient of the input is a convolution of the output's gradient with the flipped
window. x is (blocks, C, in_h, in_w, 32); y and its gradient dy are (blocks, C', out_h, out_w, 32).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from course.kernels.builder import LANES, Kernel, Value, target_machine
from course.kernels.instructions import Address, Instruction
from course.kernels.layout import BLOCK, VECTORS

FORWARD_CHANNELS = {32: 12, 8: 3}  # output channels whose sums fit the registers, by the vectors that these hold
GRADIENT_CHANNELS = {32: 5, 8: 2}  # the same for the gradient of the weights, for output and for input channels
SEGMENT = 8  # pixels of a row, for the gradient of the weights: 1 kB a channel stays in the L1 cache
MAX_STRIDE = 2**16  # with larger ones offsets could exceed 64 bits
_WINDOW = "kernel_h kernel_w in_h in_w out_h out_w stride_h stride_w pad_h pad_w".split()
_CHANNELS = "x_channels y_channels".split()  # of the whole tensors, of which a group of channels is a part


@functools.cache
def _forward(channels: int) -> int:
    """y = bias + weight * x for groups of `channels` output channels.

    weight is (groups, kernel_h, kernel_w, in_channels, channels).
    """
    kernel = Kernel(
        "convolution", ["x", "weight", "bias", "y"], ["groups", "blocks", "in_channels", *_CHANNELS, *_WINDOW]
    )
    with kernel.tasks(kernel["blocks"] * kernel["out_h"]) as task:
        block, h = task // kernel["out_h"], task % kernel["out_h"]
        with kernel.loop(0, kernel["groups"]) as group, kernel.loop(0, kernel["out_w"]) as w:
            _pixel(kernel, channels, block, group, h, w)
    return kernel.address()


def _pixel(kernel: Kernel, channels: int, block: Value, group: Value, h: Value, w: Value) -> None:
    """One pixel of a group of output channels, for a block of images."""
    first = group * channels
    biases = [kernel.broadcast("bias", first + j) for j in range(channels)]
    sums = {(j, v): kernel.variable(biases[j]) for j in range(channels) for v in range(VECTORS)}
    top, left = h * kernel["stride_h"] - kernel["pad_h"], w * kernel["stride_w"] - kernel["pad_w"]
    rows = _inside(kernel, top, "kernel_h", "in_h")
    columns = _inside(kernel, left, "kernel_w", "in_w")
    in_pixels = kernel["in_h"] * kernel["in_w"]
    with kernel.loop(*rows) as row, kernel.loop(*columns) as column:
        x = (block * kernel["x_channels"] * in_pixels + (top + row) * kernel["in_w"] + left + column) * BLOCK
        tap = ((group * kernel["kernel_h"] + row) * kernel["kernel_w"] + column) * kernel["in_channels"]
        with kernel.loop(0, kernel["in_channels"]) as c:
            images = [kernel.load("x", x + c * in_pixels * BLOCK + v * LANES) for v in range(VECTORS)]
            for j in range(channels):
                weight = kernel.broadcast("weight", (tap + c) * channels + j)
                for v in range(VECTORS):
                    sums[j, v].set(kernel.fma(weight, images[v], sums[j, v].get()))
    out_pixels = kernel["out_h"] * kernel["out_w"]
    for (j, v), total in sums.items():
        channel = block * kernel["y_channels"] + first + j
        y = (channel * out_pixels + h * kernel["out_w"] + w) * BLOCK + v * LANES
        kernel.store(total.get(), "y", y)


def _inside(kernel: Kernel, start: Value, window: str, size: str) -> tuple[Value, Value]:
    """The range of positions in a window starting at `start` that lie inside the input, not in its padding."""
    return (-start).maximum(0), kernel[window].minimum(kernel[size] - start)


@functools.cache
def _weight_gradient(outs: int, ins: int) -> int:
    """The gradient of the weights between groups of `outs` output channels and of `ins` input channels.

    It is added up in `total`, (blocks, out groups, in groups, kernel_h, kernel_w, outs, ins, lanes).
    """
    integers = ["out_groups", "in_groups", "blocks", *_CHANNELS, *_WINDOW]
    kernel = Kernel("weight_gradient", ["x", "dy", "total"], integers)
    groups = kernel["out_groups"] * kernel["in_groups"]
    with kernel.tasks(kernel["blocks"] * groups) as task:
        block, group = task // groups, task % groups
        taps = kernel["kernel_h"] * kernel["kernel_w"]
        with kernel.loop(0, taps * (outs * ins)) as i:
            kernel.store(kernel.number(0.0), "total", (task * taps * (outs * ins) + i) * LANES)
        out_group, in_group = group // kernel["in_groups"], group % kernel["in_groups"]
        dy = (block * kernel["y_channels"] + out_group * outs) * kernel["out_h"] * kernel["out_w"]
        x = (block * kernel["x_channels"] + in_group * ins) * kernel["in_h"] * kernel["in_w"]
        segments = (kernel["out_w"] + (SEGMENT - 1)) // SEGMENT
        with kernel.loop(0, kernel["out_h"]) as h, kernel.loop(0, segments) as segment:
            top = h * kernel["stride_h"] - kernel["pad_h"]
            with (
                kernel.loop(*_inside(kernel, top, "kernel_h", "in_h")) as row,
                kernel.loop(0, kernel["kernel_w"]) as column,
            ):
                tap = (task * kernel["kernel_h"] + row) * kernel["kernel_w"] + column
                rows = x + (top + row) * kernel["in_w"], dy + h * kernel["out_w"]
                _add_segment(kernel, (outs, ins), segment * SEGMENT, column, rows, tap)
    return kernel.address()


def _add_segment(
    kernel: Kernel, size: tuple[int, int], start: Value, column: Value, rows: tuple[Value, Value], tap: Value
) -> None:
    """Adds the products of a segment of the row of dy with the row of x, for one column of the window, to `tap`."""
    outs, ins = size
    totals = {
        (j, k): kernel.variable(kernel.load("total", ((tap * outs + j) * ins + k) * LANES))
        for j in range(outs)
        for k in range(ins)
    }
    stride, offset = kernel["stride_w"], kernel["pad_w"] - column
    # pixel w of dy is multiplied by pixel w * stride - offset of x, if that exists
    first = start.maximum((offset + stride - 1) // stride)
    stop = (start + SEGMENT).minimum(kernel["out_w"]).minimum((offset + kernel["in_w"] + stride - 1) // stride)
    x_channel = kernel["in_h"] * kernel["in_w"] * BLOCK
    dy_channel = kernel["out_h"] * kernel["out_w"] * BLOCK
    with kernel.loop(first, stop) as w:
        x, dy = (rows[0] + w * stride - offset) * BLOCK, (rows[1] + w) * BLOCK
        for v in range(VECTORS):
            images = [kernel.load("x", x + x_channel * k + v * LANES) for k in range(ins)]
            for j in range(outs):
                gradient = kernel.load("dy", dy + dy_channel * j + v * LANES)
                for k in range(ins):
                    totals[j, k].set(kernel.fma(gradient, images[k], totals[j, k].get()))
    for (j, k), total in totals.items():
        kernel.store(total.get(), "total", ((tap * outs + j) * ins + k) * LANES)


@functools.cache
def _finish_weight_gradient(outs: int, ins: int) -> int:
    """Adds `total` of `_weight_gradient`, summed over blocks and lanes, to dweight (C', C, kernel_h, kernel_w)."""
    kernel = Kernel(
        "finish_weight_gradient",
        ["total", "dweight"],
        ["out_groups", "in_groups", "blocks", "taps", "first_out", "first_in", "in_channels"],
    )
    groups = kernel["out_groups"] * kernel["in_groups"]
    with kernel.tasks(groups * kernel["taps"]) as task, kernel.loop(0, outs) as j, kernel.loop(0, ins) as k:
        group, tap = task // kernel["taps"], task % kernel["taps"]
        total = kernel.variable(kernel.number(0.0))
        with kernel.loop(0, kernel["blocks"]) as block:
            at = ((block * groups * kernel["taps"] + task) * outs + j) * ins + k
            total.set(total.get() + kernel.load("total", at * LANES))
        out_channel = kernel["first_out"] + group // kernel["in_groups"] * outs + j
        in_channel = kernel["first_in"] + group % kernel["in_groups"] * ins + k
        at = (out_channel * kernel["in_channels"] + in_channel) * kernel["taps"] + tap
        kernel.store(kernel.scalar("dweight", at) + total.get().lane_sum(), "dweight", at)
    return kernel.address()


@functools.cache
def _pack_weights() -> int:
    """packed (groups, kernel_h, kernel_w, C, channels) from weight, whose strides are given."""
    names = "groups kernel_h kernel_w in_channels channels group_stride h_stride w_stride in_stride out_stride".split()
    kernel = Kernel("pack_weights", ["weight", "packed"], names)
    taps = kernel["kernel_h"] * kernel["kernel_w"]
    with kernel.tasks(kernel["groups"] * taps) as task:
        group, h, w = task // taps, task % taps // kernel["kernel_w"], task % kernel["kernel_w"]
        source = group * kernel["group_stride"] + h * kernel["h_stride"] + w * kernel["w_stride"]
        with kernel.loop(0, kernel["in_channels"]) as c, kernel.loop(0, kernel["channels"]) as j:
            at = (task * kernel["in_channels"] + c) * kernel["channels"] + j
            weight = kernel.scalar("weight", source + c * kernel["in_stride"] + j * kernel["out_stride"])
            kernel.store(weight, "packed", at)
    return kernel.address()


@functools.cache
def _dilate() -> int:
    """y = x with zeros between its pixels, as if the convolution that x came out of had had a stride of 1."""
    kernel = Kernel("dilate", ["x", "y"], ["channels", "in_h", "in_w", "out_h", "out_w", "stride_h", "stride_w"])
    with kernel.tasks(kernel["channels"]) as channel:
        with kernel.loop(0, kernel["out_h"] * kernel["out_w"] * VECTORS) as i:
            kernel.store(kernel.number(0.0), "y", (channel * kernel["out_h"] * kernel["out_w"] * VECTORS + i) * LANES)
        with kernel.loop(0, kernel["in_h"]) as h, kernel.loop(0, kernel["in_w"]) as w:
            x = (channel * kernel["in_h"] + h) * kernel["in_w"] + w
            y = (channel * kernel["out_h"] + h * kernel["stride_h"]) * kernel["out_w"] + w * kernel["stride_w"]
            for v in range(VECTORS):
                kernel.store(kernel.load("x", x * BLOCK + v * LANES), "y", y * BLOCK + v * LANES)
    return kernel.address()


# ---- for tensors


class _ChannelGroups(NamedTuple):
    """`number` groups of `size` channels each, from channel `first` on."""

    first: int
    number: int
    size: int


def _channel_groups(channels: int, max_size: int) -> list[_ChannelGroups]:
    """All channels in groups of nearly equal size, at most `max_size`."""
    count = -(-channels // max_size)
    size, larger = divmod(channels, count)
    both = [_ChannelGroups(0, larger, size + 1), _ChannelGroups(larger * (size + 1), count - larger, size)]
    return [equal for equal in both if equal.number]


@dataclass(frozen=True)
class Convolution:
    """The options of a convolution; pairs are (vertical, horizontal)."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1

    def output_size(self, in_size: Sequence[int], window: Sequence[int]) -> tuple[int, ...]:
        """(out_h, out_w)"""
        sizes = zip(in_size, self.padding, window, self.stride, strict=True)
        return tuple((size + 2 * pad - length) // step + 1 for size, pad, length, step in sizes)

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None, y: Tensor) -> list[Instruction]:
        """y from x, weight (C', C / groups, kernel_h, kernel_w) and bias (C',)."""
        bias = torch.zeros(len(weight)) if bias is None else bias
        return [
            instruction
            for x_, w, b, y_ in self._parts((x, 1), (weight, 0), (bias, 0), (y, 1))
            for instruction in _convolve(x_, _Weights.of(w), b, y_, self.stride, self.padding)
        ]

    def backward_weight(self, x: Tensor, dy: Tensor, dweight: Tensor) -> list[Instruction]:
        """Adds the gradient of the weights to dweight (C', C / groups, kernel_h, kernel_w)."""
        return [
            instruction
            for x_, dy_, dw in self._parts((x, 1), (dy, 1), (dweight, 0))
            for instruction in _weight_gradients(x_, dy_, dw, self.stride, self.padding)
        ]

    def backward_input(self, dy: Tensor, weight: Tensor, dx: Tensor) -> list[Instruction]:
        """Writes the gradient of the input to dx."""
        instructions: list[Instruction] = []
        if self.stride != (1, 1):
            sparse = torch.empty(*dy.shape[:2], *_dilated_size(dy, self.stride), BLOCK)
            sizes = *dy.shape[2:4], *sparse.shape[2:4], *self.stride
            instructions.append(Instruction(_dilate(), (dy, sparse, dy.shape[0] * dy.shape[1], *sizes)))
            dy = sparse
        padding = weight.shape[2] - 1 - self.padding[0], weight.shape[3] - 1 - self.padding[1]
        no_bias = torch.zeros(dx.shape[1])
        for dy_, w, dx_ in self._parts((dy, 1), (weight, 0), (dx, 1)):
            instructions += _convolve(dy_, _Weights.of(w).flipped(), no_bias, dx_, (1, 1), padding)
        return instructions

    def _parts(self, *tensors: tuple[Tensor, int]) -> Iterator[tuple[Tensor, ...]]:
        """The parts of all tensors that belong to one group, group by group; each tensor comes with its dimension."""
        return zip(*(tensor.chunk(self.groups, dimension) for tensor, dimension in tensors), strict=True)


@dataclass(frozen=True)
class _Weights:
    """Weights in memory, from number `start` of `memory` on, with (out, in, kernel_h, kernel_w) sizes and strides."""

    memory: Tensor
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, weight: Tensor) -> _Weights:
        return cls(weight, 0, tuple(weight.shape), weight.stride())

    def flipped(self) -> _Weights:
        """The window turned by 180 degrees, and inputs and outputs exchanged."""
        (outs, ins, kernel_h, kernel_w), (out_stride, in_stride, h_stride, w_stride) = self.shape, self.strides
        last = (kernel_h - 1) * h_stride + (kernel_w - 1) * w_stride
        strides = in_stride, out_stride, -h_stride, -w_stride
        return _Weights(self.memory, self.start + last, (ins, outs, kernel_h, kernel_w), strides)


def _convolve(
    x: Tensor, weights: _Weights, bias: Tensor, y: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> list[Instruction]:
    outs, ins, kernel_h, kernel_w = weights.shape
    out_stride, in_stride, h_stride, w_stride = weights.strides
    sizes = _all_channels(x), _all_channels(y), kernel_h, kernel_w, *x.shape[2:4], *y.shape[2:4], *stride, *padding
    instructions = []
    for first, count, size in _channel_groups(outs, FORWARD_CHANNELS[target_machine()[1]]):
        packed = torch.empty(count * kernel_h * kernel_w * ins * size)
        source = Address(weights.memory, weights.start + first * out_stride)
        strides = size * out_stride, h_stride, w_stride, in_stride, out_stride
        instructions += [
            Instruction(_pack_weights(), (source, packed, count, kernel_h, kernel_w, ins, size, *strides)),
            Instruction(_forward(size), (x, packed, bias[first:], y[:, first:], count, len(x), ins, *sizes)),
        ]
    return instructions


def _weight_gradients(
    x: Tensor, dy: Tensor, dweight: Tensor, stride: tuple[int, int], padding: tuple[int, int]
) -> list[Instruction]:
    kernel_h, kernel_w = dweight.shape[2:]
    sizes = _all_channels(x), _all_channels(dy), kernel_h, kernel_w, *x.shape[2:4], *dy.shape[2:4], *stride, *padding
    most = GRADIENT_CHANNELS[target_machine()[1]]
    instructions = []
    for first_out, out_groups, outs in _channel_groups(dy.shape[1], most):
        for first_in, in_groups, ins in _channel_groups(x.shape[1], most):
            total = torch.empty(len(x) * out_groups * in_groups * kernel_h * kernel_w * outs * ins * LANES)
            tensors = x[:, first_in:], dy[:, first_out:], total
            counts = out_groups, in_groups, len(x)
            finish = *counts, kernel_h * kernel_w, first_out, first_in, dweight.shape[1]
            instructions += [
                Instruction(_weight_gradient(outs, ins), (*tensors, *counts, *sizes)),
                Instruction(_finish_weight_gradient(outs, ins), (total, dweight, *finish)),
            ]
    return instructions


def _all_channels(images: Tensor) -> int:
    """Channels of the tensor of which `images` (blocks, C, H, W, 32) may be a part."""
    return images.stride(0) // images.stride(1)


def _dilated_size(dy: Tensor, stride: tuple[int, int]) -> tuple[int, int]:
    return (dy.shape[2] - 1) * stride[0] + 1, (dy.shape[3] - 1) * stride[1] + 1
