"""Convolution with the batch innermost: each vector holds one number of as many images as it has lanes.

Sums stay in registers: `_forward` keeps those of several channels at one pixel of two vectors of images while it goes
through the window; `_of_weights` those of a few channels of the output times a few of the input while it goes along a
part of a row. The gradient of the input is a convolution of the output's gradient with the window turned around.
Every number of an image is worked out in the same order wherever the image stands in the batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.autograd import Function

from course.network.kernels import vectors
from course.network.kernels.layout import are_whole, batch_innermost, channels, empty, is_plain, pair
from course.network.kernels.vectors import Index, Nest

aten = torch.ops.aten
VECTORS = 2  # of images at once
FARTHEST = 2**16  # the largest stride; beyond, sums could leave 64 bits
MOST_WEIGHTS = 2**20  # their gradient is added up in as many vectors
PART = 768  # numbers of a row, pixels times images, that the gradient of the weights stays with: they fit a fast cache
_SIZES = "height width tall wide out_tall out_wide step_down step_right pad_top pad_left".split()
_STRIDES = "x_channel x_row x_pixel y_channel y_row y_pixel".split()


# ---- the loops: x (C, H, W, N), y and its gradient g (C', H', W', N)


@functools.cache
def _forward(block: int) -> Callable[..., None]:
    """y = bias + weight * x for `blocks` of `block` channels; weight is (blocks, height, width, C, block)."""
    nest = Nest("forward", ["x", "weight", "bias", "y"], ["blocks", "images", "channels", *_SIZES, *_STRIDES])
    images, many = nest["images"], VECTORS * nest.lanes
    whole = images // many * many
    with nest.loop(0, nest["blocks"]) as b:
        with nest.loop(0, whole, many) as n:
            _pixels(nest, b, block, n, VECTORS)
        with nest.loop(whole, images, nest.lanes) as n, nest.tail(images - n):
            _pixels(nest, b, block, n, 1)
    return nest.compiled()


def _pixels(nest: Nest, b: Index, block: int, n: Index, count: int) -> None:
    """All pixels of one block of channels, for `count` vectors of images that start with image n."""
    sums = {(j, v): nest.variable() for j in range(block) for v in range(count)}
    with nest.loop(0, nest["out_tall"]) as h, nest.loop(0, nest["out_wide"]) as w:
        for (j, _), total in sums.items():
            nest.set(total, nest.repeated("bias", b * block + j))
        top, left = h * nest["step_down"] - nest["pad_top"], w * nest["step_right"] - nest["pad_left"]
        rows = _inside(nest, top, nest["height"], nest["tall"])
        columns = _inside(nest, left, nest["width"], nest["wide"])
        with nest.loop(*rows) as row, nest.loop(*columns) as column:
            pixel = n + (top + row) * nest["x_row"] + (left + column) * nest["x_pixel"]
            tap = ((b * nest["height"] + row) * nest["width"] + column) * nest["channels"]
            with nest.loop(0, nest["channels"]) as c:
                x = pixel + c * nest["x_channel"]
                images = [nest.load("x", x + v * nest.lanes) for v in range(count)]
                for j in range(block):
                    weight = nest.repeated("weight", (tap + c) * block + j)
                    for v in range(count):
                        nest.set(sums[j, v], nest.plus_product(nest.get(sums[j, v]), weight, images[v]))
        for (j, v), total in sums.items():
            y = n + h * nest["y_row"] + w * nest["y_pixel"] + (b * block + j) * nest["y_channel"]
            nest.store(nest.get(total), "y", y + v * nest.lanes)


@functools.cache
def _of_weights(outs: int, ins: int) -> Callable[..., None]:
    """The gradient of the weights between `outs` channels of g and `ins` of x, for blocks of both.

    It is added to `total`, (blocks of g, blocks of x, height, width, outs, ins, lanes); the sum over lanes is to do.
    """
    numbers = ["out_blocks", "in_blocks", "images", "part", *_SIZES, *_STRIDES]
    nest = Nest("of_weights", ["x", "y", "total"], numbers)
    parts = (nest["out_wide"] + nest["part"] - 1) // nest["part"]
    with (
        nest.loop(0, nest["out_tall"]) as h,
        nest.loop(0, parts) as part,
        nest.loop(0, nest["out_blocks"]) as o,
        nest.loop(0, nest["in_blocks"]) as i,
    ):
        top = h * nest["step_down"] - nest["pad_top"]
        rows = _inside(nest, top, nest["height"], nest["tall"])
        x_channels, g_channels = i * ins * nest["x_channel"], o * outs * nest["y_channel"]
        with nest.loop(*rows) as row, nest.loop(0, nest["width"]) as column:
            x, g = x_channels + (top + row) * nest["x_row"], g_channels + h * nest["y_row"]
            place = ((o * nest["in_blocks"] + i) * nest["height"] + row) * nest["width"] + column
            _along_a_row(nest, outs, ins, part, column, x, g, place)
    return nest.compiled()


def _along_a_row(nest: Nest, outs: int, ins: int, part: Index, column: Index, x: Index, g: Index, place: Index) -> None:
    """Add the products of one part of g's row at `g` with x's row at `x`, for one column of the window, to `place`."""
    sums = {(j, k): nest.variable() for j in range(outs) for k in range(ins)}
    for total in sums.values():
        nest.set(total, nest.zero())
    step, start, images = nest["step_right"], part * nest["part"], nest["images"]
    off = nest["pad_left"] - column  # pixel w of g meets pixel w * step - off of x, if there is one
    first = nest.most(start, (off + step - 1) // step)
    stop = nest.least(start + nest["part"], nest["out_wide"])
    stop = nest.least(stop, (off + nest["wide"] + step - 1) // step)
    whole = images // nest.lanes * nest.lanes
    with nest.loop(first, stop) as w:
        x_pixel, g_pixel = x + (w * step - off) * nest["x_pixel"], g + w * nest["y_pixel"]
        with nest.loop(0, whole, nest.lanes) as n:
            _products(nest, sums, outs, ins, x_pixel + n, g_pixel + n)
        with nest.loop(whole, images, nest.lanes) as n, nest.tail(images - n):
            _products(nest, sums, outs, ins, x_pixel + n, g_pixel + n)
    for (j, k), total in sums.items():
        at = ((place * outs + j) * ins + k) * nest.lanes
        nest.store(nest.plus(nest.load("total", at), nest.get(total)), "total", at)


def _products(nest: Nest, sums: dict, outs: int, ins: int, x: Index, g: Index) -> None:
    """Of one vector of images at one pixel of each."""
    images = [nest.load("x", x + nest["x_channel"] * k) for k in range(ins)]
    for j in range(outs):
        gradient = nest.load("y", g + nest["y_channel"] * j)
        for k in range(ins):
            nest.set(sums[j, k], nest.plus_product(nest.get(sums[j, k]), gradient, images[k]))


def _inside(nest: Nest, start: Index, window: Index, size: Index) -> tuple[Index, Index]:
    """Which places (from, to) of a window that starts at `start` are inside of the input."""
    return nest.most(0, -start), nest.least(window, size - start)


# ---- for tensors


def _blocks(channels: int, most: int) -> list[tuple[int, int, int]]:
    """Channels in nearly equal blocks of at most so many: (first channel, blocks, channels in each)."""
    count = -(-channels // most)
    size, larger = divmod(channels, count)
    found = [(0, larger, size + 1), (larger * (size + 1), count - larger, size)]
    return [block for block in found if block[1]]


def _groups(groups: int, *tensors: tuple[Tensor, int]) -> Iterator[tuple[Tensor, ...]]:
    """Each tensor in parts along its dimension."""
    if groups == 1:
        return iter([tuple(tensor for tensor, _ in tensors)])
    return zip(*(tensor.chunk(groups, dimension) for tensor, dimension in tensors), strict=True)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor, y: Tensor, stride, padding) -> None:
    """y (N, C', H', W'), both with the batch innermost, from x (N, C, H, W) and weight (C', C, height, width)."""
    rest = *weight.shape[2:], *x.shape[2:], *y.shape[2:], *stride, *padding, *x.stride()[1:], *y.stride()[1:]
    for first, blocks, size in _blocks(y.shape[1], 12 if vectors.registers() == 32 else 6):
        last = first + blocks * size
        packed = weight[first:last].reshape(blocks, size, *weight.shape[1:]).permute(0, 3, 4, 2, 1).contiguous()
        pointers = x.data_ptr(), packed.data_ptr(), bias[first:].data_ptr(), y[:, first:].data_ptr()
        _forward(size)(*pointers, blocks, len(x), x.shape[1], *rest)


def _weight_gradient(x: Tensor, g: Tensor, out: Tensor, stride, padding) -> None:
    """out (C', C, height, width) from x (N, C, H, W) and g (N, C', H', W'), both with the batch innermost."""
    most, part, window = 5 if vectors.registers() == 32 else 3, max(1, PART // len(x)), out.shape[2:]
    rest = *window, *x.shape[2:], *g.shape[2:], *stride, *padding, *x.stride()[1:], *g.stride()[1:]
    for first_out, out_blocks, outs in _blocks(g.shape[1], most):
        for first_in, in_blocks, ins in _blocks(x.shape[1], most):
            total = torch.zeros(out_blocks, in_blocks, *window, outs, ins, vectors.lanes())
            pointers = x[:, first_in:].data_ptr(), g[:, first_out:].data_ptr(), total.data_ptr()
            _of_weights(outs, ins)(*pointers, out_blocks, in_blocks, len(x), part, *rest)
            summed = total.sum(-1).permute(0, 4, 1, 5, 2, 3).reshape(out_blocks * outs, in_blocks * ins, *window)
            out[first_out : first_out + len(summed), first_in : first_in + summed.shape[1]] = summed


def _spaced(g: Tensor, stride) -> Tensor:
    """g with zeros between its pixels, as if the stride had been 1."""
    if tuple(stride) == (1, 1):
        return g
    down, right = stride
    out = empty(*g.shape[:2], (g.shape[2] - 1) * down + 1, (g.shape[3] - 1) * right + 1).zero_()
    out[:, :, ::down, ::right] = g
    return out


class _Conv(Function):
    @staticmethod
    def forward(ctx, images: Tensor, weight: Tensor, bias: Tensor | None, stride, padding, groups: int) -> Tensor:
        images = batch_innermost(images)
        ctx.save_for_backward(images, weight)
        ctx.options = stride, padding, groups
        tall, wide = (
            (size + 2 * pad - window) // step + 1
            for size, pad, window, step in zip(images.shape[2:], padding, weight.shape[2:], stride, strict=True)
        )
        out = empty(len(images), len(weight), tall, wide)
        bias = torch.zeros(len(weight)) if bias is None else bias.contiguous()
        for x, w, b, y in _groups(groups, (images, 1), (weight, 0), (bias, 0), (out, 1)):
            _convolve(x, w, b, y, stride, padding)
        return out

    @staticmethod
    def backward(ctx, gradient: Tensor):
        images, weight = ctx.saved_tensors
        stride, padding, groups = ctx.options
        window = weight.shape[2:]
        of_images = of_weight = of_bias = None
        gradient = batch_innermost(gradient)
        if ctx.needs_input_grad[0]:
            of_images, no_bias = empty(*images.shape), torch.zeros(images.shape[1] // groups)
            around = [size - 1 - pad for size, pad in zip(window, padding, strict=True)]
            for out, w, g in _groups(groups, (of_images, 1), (weight, 0), (gradient, 1)):
                _convolve(_spaced(g, stride), w.flip(2, 3).transpose(0, 1), no_bias, out, (1, 1), around)
        if ctx.needs_input_grad[1]:
            of_weight = torch.empty(weight.shape)
            for x, out, g in _groups(groups, (images, 1), (of_weight, 0), (gradient, 1)):
                _weight_gradient(x, g, out, stride, padding)
        if ctx.needs_input_grad[2]:
            of_bias = torch.from_numpy(channels(gradient)).sum(1)
        return of_images, of_weight, of_bias, None, None, None


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride=(1, 1),
    padding=(0, 0),
    dilation=(1, 1),
    groups: int = 1,
) -> Tensor:
    """`aten.conv2d`."""
    stride, padding, dilation = (pair(option) for option in (stride, padding, dilation))
    if _covers(input, weight, bias, stride, padding, dilation, groups):
        return _Conv.apply(input, weight, bias, stride, padding, groups)
    # with channels innermost PyTorch's are fastest
    if isinstance(input, Tensor) and input.dim() == 4:
        input = input.contiguous(memory_format=torch.channels_last)
    return aten.conv2d.default(input, weight, bias, stride, padding, dilation, groups)


def _covers(images: Tensor, weight: Tensor, bias: Tensor | None, stride, padding, dilation, groups: int) -> bool:
    """Everything fits, the window into the images at least once, and no padding hides it whole."""
    return (
        is_plain(images)
        and is_plain(weight)
        and images.dim() == weight.dim() == 4
        and weight.numel() <= MOST_WEIGHTS
        and len(stride) == len(padding) == 2
        and are_whole(*stride, *padding, *dilation, groups)
        and dilation == (1, 1)
        and 1 <= min(stride) <= max(stride) <= FARTHEST
        and all(0 <= pad < window for pad, window in zip(padding, weight.shape[2:], strict=True))
        and groups >= 1
        and images.shape[1] == groups * weight.shape[1]
        and len(weight) % groups == 0
        and (bias is None or (isinstance(bias, Tensor) and is_plain(bias[None]) and bias.shape == weight.shape[:1]))
        and all(
            size + 2 * pad >= window
            for size, pad, window in zip(images.shape[2:], padding, weight.shape[2:], strict=True)
        )
    )
