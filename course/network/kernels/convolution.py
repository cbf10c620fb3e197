"""Convolution with the batch innermost: each vector holds one number of as many images as it has lanes.

Sums stay in registers. The forward pass holds the sums of several output channels, at one pixel of two vectors of
images, while it goes through the kernel's window. The gradient of the weights holds the sums of a few output channels
times a few input channels while it goes along a segment of a row. The gradient of the input is a convolution of the
output's gradient with the flipped kernel. Every number of an image is computed in the same order wherever the image
stands in the batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from llvmlite import ir
from torch import Tensor
from torch.autograd import Function

from course.network.kernels import llvm_loops
from course.network.kernels.layout import (
    are_integers,
    as_pair,
    channel_view,
    empty_batch_innermost,
    is_float32_batch,
    to_batch_innermost,
)
from course.network.kernels.llvm_loops import IntExpr, LoopNest

aten = torch.ops.aten
Pair = tuple[int, ...]  # (vertical, horizontal); `_is_supported` checks the length
Sums = dict[tuple[int, int], ir.Value]

VECTORS = 2  # vectors of images that the forward pass computes at once
FORWARD_BLOCK = {32: 12, 16: 6}  # output channels whose sums fit the registers, by the number of registers
GRADIENT_BLOCK = {32: 5, 16: 3}  # the same for the gradient of the weights, for output and for input channels
SEGMENT = 768  # pixels times images of a row, for the gradient of the weights: 3 kB a channel fit the L1 or L2 cache
MAX_STRIDE = 2**16  # with larger ones offsets could exceed 64 bits
MAX_WEIGHTS = 2**20  # the gradient of each is summed up in a vector of its own
_SIZES = "kernel_h kernel_w in_h in_w out_h out_w stride_h stride_w pad_h pad_w".split()
_OFFSETS = "x_channel x_row x_pixel y_channel y_row y_pixel".split()  # distances in memory between neighbours


# ---- the loops. x is (C, H, W, N), y and its gradient dy are (C', H', W', N)


@functools.cache
def _forward_loops(block: int) -> Callable[..., None]:
    """y = bias + weight * x for blocks of `block` output channels; weight is (blocks, kernel_h, kernel_w, C, block)."""
    nest = LoopNest("forward", ["x", "weight", "bias", "y"], ["blocks", "batch", "in_channels", *_SIZES, *_OFFSETS])
    batch, step = nest["batch"], VECTORS * nest.lanes
    whole = batch // step * step
    with nest.loop(0, nest["blocks"]) as b:
        with nest.loop(0, whole, step) as n:
            _add_pixels(nest, b, block, n, VECTORS)
        with nest.loop(whole, batch, nest.lanes) as n, nest.masked(batch - n):
            _add_pixels(nest, b, block, n, 1)
    return nest.compiled()


def _add_pixels(nest: LoopNest, b: IntExpr, block: int, n: IntExpr, vectors: int) -> None:
    """Loops over all pixels of block b of the output channels, for `vectors` vectors of images from image n on."""
    sums = {(j, v): nest.variable() for j in range(block) for v in range(vectors)}
    with nest.loop(0, nest["out_h"]) as h, nest.loop(0, nest["out_w"]) as w:
        for (j, _), total in sums.items():
            nest.set(total, nest.broadcast("bias", b * block + j))
        top, left = h * nest["stride_h"] - nest["pad_h"], w * nest["stride_w"] - nest["pad_w"]
        rows = _inside(nest, top, nest["kernel_h"], nest["in_h"])
        columns = _inside(nest, left, nest["kernel_w"], nest["in_w"])
        with nest.loop(*rows) as row, nest.loop(*columns) as column:
            pixel = n + (top + row) * nest["x_row"] + (left + column) * nest["x_pixel"]
            tap = ((b * nest["kernel_h"] + row) * nest["kernel_w"] + column) * nest["in_channels"]
            with nest.loop(0, nest["in_channels"]) as c:
                x = pixel + c * nest["x_channel"]
                images = [nest.load("x", x + v * nest.lanes) for v in range(vectors)]
                for j in range(block):
                    weight = nest.broadcast("weight", (tap + c) * block + j)
                    for v in range(vectors):
                        nest.set(sums[j, v], nest.multiply_add(nest.get(sums[j, v]), weight, images[v]))
        for (j, v), total in sums.items():
            y = n + h * nest["y_row"] + w * nest["y_pixel"] + (b * block + j) * nest["y_channel"]
            nest.store(nest.get(total), "y", y + v * nest.lanes)


@functools.cache
def _weight_gradient_loops(out_block: int, in_block: int) -> Callable[..., None]:
    """The gradient of the weights between blocks of output channels (of dy) and of input channels (of x).

    It is added to `total`, (out blocks, in blocks, kernel_h, kernel_w, out_block, in_block, lanes). The caller has to
    sum over the lanes.
    """
    integers = ["out_blocks", "in_blocks", "batch", "segment", *_SIZES, *_OFFSETS]
    nest = LoopNest("weight_gradient", ["x", "dy", "total"], integers)
    segments = (nest["out_w"] + nest["segment"] - 1) // nest["segment"]
    with (
        nest.loop(0, nest["out_h"]) as h,
        nest.loop(0, segments) as segment,
        nest.loop(0, nest["out_blocks"]) as o,
        nest.loop(0, nest["in_blocks"]) as i,
    ):
        top = h * nest["stride_h"] - nest["pad_h"]
        rows = _inside(nest, top, nest["kernel_h"], nest["in_h"])
        x_channels, dy_channels = i * in_block * nest["x_channel"], o * out_block * nest["y_channel"]
        with nest.loop(*rows) as row, nest.loop(0, nest["kernel_w"]) as column:
            x, dy = x_channels + (top + row) * nest["x_row"], dy_channels + h * nest["y_row"]
            tap = ((o * nest["in_blocks"] + i) * nest["kernel_h"] + row) * nest["kernel_w"] + column
            _add_segment(nest, out_block, in_block, segment, column, x, dy, tap)
    return nest.compiled()


def _add_segment(
    nest: LoopNest,
    out_block: int,
    in_block: int,
    segment: IntExpr,
    column: IntExpr,
    x: IntExpr,
    dy: IntExpr,
    tap: IntExpr,
) -> None:
    """Adds the products of a segment of the row at `dy` with the row at `x`, for one column of the kernel, to `tap`."""
    sums = {(j, k): nest.variable() for j in range(out_block) for k in range(in_block)}
    for total in sums.values():
        nest.set(total, nest.zero())
    stride, start, batch = nest["stride_w"], segment * nest["segment"], nest["batch"]
    offset = nest["pad_w"] - column  # pixel w of dy is multiplied by pixel w * stride - offset of x, if that exists
    first = nest.maximum(start, (offset + stride - 1) // stride)
    stop = nest.minimum(start + nest["segment"], nest["out_w"])
    stop = nest.minimum(stop, (offset + nest["in_w"] + stride - 1) // stride)
    whole = batch // nest.lanes * nest.lanes
    with nest.loop(first, stop) as w:
        x_pixel, dy_pixel = x + (w * stride - offset) * nest["x_pixel"], dy + w * nest["y_pixel"]
        with nest.loop(0, whole, nest.lanes) as n:
            _add_products(nest, sums, out_block, in_block, x_pixel + n, dy_pixel + n)
        with nest.loop(whole, batch, nest.lanes) as n, nest.masked(batch - n):
            _add_products(nest, sums, out_block, in_block, x_pixel + n, dy_pixel + n)
    for (j, k), total in sums.items():
        position = ((tap * out_block + j) * in_block + k) * nest.lanes
        nest.store(nest.add(nest.load("total", position), nest.get(total)), "total", position)


def _add_products(nest: LoopNest, sums: Sums, out_block: int, in_block: int, x: IntExpr, dy: IntExpr) -> None:
    """Adds the products of all pairs of channels, for one vector of images at one pixel of x and of dy, to `sums`."""
    images = [nest.load("x", x + nest["x_channel"] * k) for k in range(in_block)]
    for j in range(out_block):
        gradient = nest.load("dy", dy + nest["y_channel"] * j)
        for k in range(in_block):
            nest.set(sums[j, k], nest.multiply_add(nest.get(sums[j, k]), gradient, images[k]))


def _inside(nest: LoopNest, start: IntExpr, window: IntExpr, size: IntExpr) -> tuple[IntExpr, IntExpr]:
    """The range of positions in a window starting at `start` that lie inside the input, not in its padding."""
    return nest.maximum(0, -start), nest.minimum(window, size - start)


# ---- for tensors


class _ChannelBlocks(NamedTuple):
    """`blocks` blocks of `size` channels each, from channel `first` on."""

    first: int
    blocks: int
    size: int


def _channel_blocks(channels: int, max_size: int) -> list[_ChannelBlocks]:
    """All channels in blocks of nearly equal size, at most `max_size`."""
    count = -(-channels // max_size)
    size, larger = divmod(channels, count)
    first_smaller = larger * (size + 1)
    both = [_ChannelBlocks(0, larger, size + 1), _ChannelBlocks(first_smaller, count - larger, size)]
    return [equal for equal in both if equal.blocks]


def _split_groups(groups: int, *tensors: tuple[Tensor, int]) -> Iterator[tuple[Tensor, ...]]:
    """The parts of all tensors that belong to one group, group by group; each tensor comes with its dimension."""
    if groups == 1:
        return iter([tuple(tensor for tensor, _ in tensors)])
    return zip(*(tensor.chunk(groups, dimension) for tensor, dimension in tensors), strict=True)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor, y: Tensor, stride: Pair, padding: Pair) -> None:
    """y (N, C', H', W') from x (N, C, H, W), both with the batch innermost, and weight (C', C, kernel_h, kernel_w)."""
    sizes = *weight.shape[2:], *x.shape[2:], *y.shape[2:], *stride, *padding, *x.stride()[1:], *y.stride()[1:]
    for first, blocks, size in _channel_blocks(y.shape[1], FORWARD_BLOCK[llvm_loops.registers()]):
        last = first + blocks * size
        packed = weight[first:last].reshape(blocks, size, *weight.shape[1:]).permute(0, 3, 4, 2, 1).contiguous()
        pointers = x.data_ptr(), packed.data_ptr(), bias[first:].data_ptr(), y[:, first:].data_ptr()
        _forward_loops(size)(*pointers, blocks, len(x), x.shape[1], *sizes)


def _weight_gradient(x: Tensor, dy: Tensor, dweight: Tensor, stride: Pair, padding: Pair) -> None:
    """dweight (C', C, kernel_h, kernel_w) from x (N, C, H, W) and dy (N, C', H', W'), both with the batch innermost."""
    max_block, segment, kernel = GRADIENT_BLOCK[llvm_loops.registers()], max(1, SEGMENT // len(x)), dweight.shape[2:]
    sizes = *kernel, *x.shape[2:], *dy.shape[2:], *stride, *padding, *x.stride()[1:], *dy.stride()[1:]
    for first_out, out_blocks, outs in _channel_blocks(dy.shape[1], max_block):
        for first_in, in_blocks, ins in _channel_blocks(x.shape[1], max_block):
            total = torch.zeros(out_blocks, in_blocks, *kernel, outs, ins, llvm_loops.lanes())
            pointers = x[:, first_in:].data_ptr(), dy[:, first_out:].data_ptr(), total.data_ptr()
            _weight_gradient_loops(outs, ins)(*pointers, out_blocks, in_blocks, len(x), segment, *sizes)
            summed = total.sum(-1).permute(0, 4, 1, 5, 2, 3).reshape(out_blocks * outs, in_blocks * ins, *kernel)
            dweight[first_out : first_out + len(summed), first_in : first_in + summed.shape[1]] = summed


def _dilated(dy: Tensor, stride: Pair) -> Tensor:
    """dy with zeros between its pixels, as if the convolution had had a stride of 1."""
    if tuple(stride) == (1, 1):
        return dy
    stride_h, stride_w = stride
    out_h, out_w = (dy.shape[2] - 1) * stride_h + 1, (dy.shape[3] - 1) * stride_w + 1
    out = empty_batch_innermost(*dy.shape[:2], out_h, out_w).zero_()
    out[:, :, ::stride_h, ::stride_w] = dy
    return out


class _Conv2d(Function):
    @staticmethod
    def forward(
        ctx: Any,  # PyTorch's context, which takes any attribute
        images: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: Pair,
        padding: Pair,
        groups: int,
    ) -> Tensor:
        images = to_batch_innermost(images)
        ctx.save_for_backward(images, weight)
        ctx.options = stride, padding, groups
        out_h, out_w = (
            (size + 2 * pad - kernel) // step + 1
            for size, pad, kernel, step in zip(images.shape[2:], padding, weight.shape[2:], stride, strict=True)
        )
        out = empty_batch_innermost(len(images), len(weight), out_h, out_w)
        bias = torch.zeros(len(weight)) if bias is None else bias.contiguous()
        for x, w, b, y in _split_groups(groups, (images, 1), (weight, 0), (bias, 0), (out, 1)):
            _convolve(x, w, b, y, stride, padding)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        stride, padding, groups = ctx.options
        dimages = dweight = dbias = None
        gradient = to_batch_innermost(gradient)
        if ctx.needs_input_grad[0]:
            dimages, no_bias = empty_batch_innermost(*images.shape), torch.zeros(images.shape[1] // groups)
            flipped_padding = tuple(size - 1 - pad for size, pad in zip(weight.shape[2:], padding, strict=True))
            for dx, w, dy in _split_groups(groups, (dimages, 1), (weight, 0), (gradient, 1)):
                flipped = w.flip(2, 3).transpose(0, 1)
                _convolve(_dilated(dy, stride), flipped, no_bias, dx, (1, 1), flipped_padding)
        if ctx.needs_input_grad[1]:
            dweight = torch.empty(weight.shape)
            for x, dw, dy in _split_groups(groups, (images, 1), (dweight, 0), (gradient, 1)):
                _weight_gradient(x, dy, dw, stride, padding)
        if ctx.needs_input_grad[2]:
            dbias = torch.from_numpy(channel_view(gradient)).sum(1)
        return dimages, dweight, dbias, None, None, None


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = (1, 1),
    padding: int | Sequence[int] = (0, 0),
    dilation: int | Sequence[int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """`aten.conv2d`."""
    stride, padding, dilation = (as_pair(option) for option in (stride, padding, dilation))
    if _is_supported(input, weight, bias, stride, padding, dilation, groups):
        output: Tensor = _Conv2d.apply(input, weight, bias, stride, padding, groups)
    else:
        output = aten.conv2d.default(_channels_last(input), weight, bias, stride, padding, dilation, groups)
    return output


def _channels_last(images: object) -> object:
    """Images with the channels innermost, for which PyTorch's convolution is fastest; anything else as it is."""
    if isinstance(images, Tensor) and images.dim() == 4:
        return images.contiguous(memory_format=torch.channels_last)
    return images


def _is_supported(
    images: object, weight: object, bias: object, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> bool:
    """Whether all shapes fit, the kernel fits the padded images, and the padding is narrower than the kernel."""
    return (
        is_float32_batch(images)
        and is_float32_batch(weight)
        and images.dim() == weight.dim() == 4
        and weight.numel() <= MAX_WEIGHTS
        and len(stride) == len(padding) == 2
        and are_integers(*stride, *padding, *dilation, groups)
        and dilation == (1, 1)
        and 1 <= min(stride) <= max(stride) <= MAX_STRIDE
        and all(0 <= pad < kernel for pad, kernel in zip(padding, weight.shape[2:], strict=True))
        and groups >= 1
        and images.shape[1] == groups * weight.shape[1]
        and len(weight) % groups == 0
        and (bias is None or _is_bias(bias, weight))
        and all(
            size + 2 * pad >= kernel
            for size, pad, kernel in zip(images.shape[2:], padding, weight.shape[2:], strict=True)
        )
    )


def _is_bias(bias: object, weight: Tensor) -> bool:
    return isinstance(bias, Tensor) and is_float32_batch(bias[None]) and bias.shape == weight.shape[:1]
