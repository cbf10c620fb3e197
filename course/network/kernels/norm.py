"""Batch norm, ReLU and dropout in one pass over memory in each direction.

What belongs to a channel is one number, and every inner loop runs over neighbouring numbers: images are seen as
(C, pixels * N), or as (C, pixels, N) where sums are added up image by image, as vectors can. Reading memory is what
costs: no loop reads twice what it can work out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from course.network.kernels.layout import batch_innermost, channels, empty, is_plain, rows
from course.network.kernels.loops import compiled

aten = torch.ops.aten
LEVELS = 2**16  # dropout decides by 16 random bits
ZERO = np.float32(0)
PIVOT_PIXELS = 8  # the pivot is the mean of each eighth pixel

# ---- loops over x, y, g, bits, out, with what belongs to a channel (C,)
# Comparisons are such that NaN stays NaN.


@compiled
def _moments(x, mean, variance):
    """Mean and variance of each channel of x (C, pixels, N), float64, in one pass over memory.

    It adds up differences from the mean of each eighth pixel: that is within sqrt(8) standard deviations of the
    batch's, so little is lost when squares are subtracted.
    """
    channels, pixels, images = x.shape
    total, squares = np.empty(images, np.float32), np.empty(images, np.float32)
    for c in range(channels):
        total[:] = ZERO
        for p in range(0, pixels, PIVOT_PIXELS):
            for n in range(images):
                total[n] += x[c, p, n]
        pivot = np.float32(total.astype(np.float64).sum() / (images * -(-pixels // PIVOT_PIXELS)))
        total[:] = ZERO
        squares[:] = ZERO
        for p in range(pixels):
            for n in range(images):
                difference = x[c, p, n] - pivot
                total[n] += difference
                squares[n] += difference * difference
        off = total.astype(np.float64).sum() / (pixels * images)
        mean[c] = pivot + off
        spread = squares.astype(np.float64).sum() / (pixels * images) - off * off
        variance[c] = np.float64(0) if spread < 0 else spread


@compiled
def _scale(x, scale, shift, least, y):
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            value = x[c, i] * scale[c] + shift[c]
            y[c, i] = least if value < least else value


@compiled
def _scale_and_drop(x, scale, shift, least, bits, kept_from, factor, y):
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            value = x[c, i] * scale[c] + shift[c]
            y[c, i] = (least if value < least else value) * (factor if bits[c, i] >= kept_from else ZERO)


@compiled
def _drop(x, bits, kept_from, factor, y):
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            y[c, i] = x[c, i] * (factor if bits[c, i] >= kept_from else ZERO)


@compiled
def _gradient_sums(g, x, scale, shift, least, mean, total, along):
    """Sums of the gradient where the value was above `least`, and of its product with x - mean: float64, (C,) each."""
    channels, pixels, images = x.shape
    some, some_along = np.empty(images, np.float32), np.empty(images, np.float32)
    for c in range(channels):
        some[:] = ZERO
        some_along[:] = ZERO
        centre = np.float32(mean[c])
        for p in range(pixels):
            for n in range(images):
                gradient = ZERO if x[c, p, n] * scale[c] + shift[c] <= least else g[c, p, n]
                some[n] += gradient
                some_along[n] += gradient * (x[c, p, n] - centre)
        total[c] = some.astype(np.float64).sum()
        along[c] = some_along.astype(np.float64).sum()


@compiled
def _gradient(g, x, scale, shift, least, slope, offset, out):
    """The gradient of x: that of the values times scale, minus what the batch's mean and variance pass on."""
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            gradient = ZERO if x[c, i] * scale[c] + shift[c] <= least else g[c, i]
            out[c, i] = gradient * scale[c] + x[c, i] * slope[c] + offset[c]


# ---- batch norm. What belongs to a channel is worked out in float64, by NumPy: for so few numbers it is quicker.


class _Scaled(NamedTuple):
    """y = x * scale + shift, cut off at `least`: (C,) float32 twice, and a number."""

    scale: np.ndarray
    shift: np.ndarray
    least: np.float32


def _scaled(mean: np.ndarray, steepness: np.ndarray, bias: Tensor, relu: bool) -> _Scaled:
    """(x - mean) * steepness + bias, and ReLU where it is wanted."""
    shift = bias.detach().numpy() - mean * steepness
    return _Scaled(steepness.astype(np.float32), shift.astype(np.float32), ZERO if relu else np.float32(-math.inf))


def _normalised(images: Tensor, scaled: _Scaled, mask: _Mask | None) -> Tensor:
    out = empty(*images.shape)
    if mask is None:
        _scale(channels(images), *scaled, channels(out))
    else:
        _scale_and_drop(channels(images), *scaled, *mask, channels(out))
    return out


class _Norm(Function):
    """By the batch's own mean and variance, which are also given back; then ReLU and dropout where they are wanted."""

    @staticmethod
    @np.errstate(all="ignore")  # a run that diverges is told by its loss
    def forward(ctx, images: Tensor, weight: Tensor, bias: Tensor, eps: float, relu: bool, p: float):
        images = batch_innermost(images)
        mean, variance = np.empty(images.shape[1]), np.empty(images.shape[1])
        _moments(rows(images), mean, variance)
        ctx.save_for_backward(images, weight)
        ctx.mean, ctx.spread = mean, 1 / np.sqrt(variance + eps)
        ctx.scaled = _scaled(mean, ctx.spread * weight.detach().numpy(), bias, relu)
        ctx.mask = _draw_mask(images, p) if p else None
        found = torch.from_numpy(mean), torch.from_numpy(variance)
        ctx.mark_non_differentiable(*found)
        return _normalised(images, ctx.scaled, ctx.mask), *found

    @staticmethod
    @np.errstate(all="ignore")
    def backward(ctx, gradient: Tensor, *_):
        images, weight = ctx.saved_tensors
        gradient = batch_innermost(gradient)
        if ctx.mask is not None:
            gradient = _dropped(gradient, ctx.mask)
        of_bias, along = np.empty(images.shape[1]), np.empty(images.shape[1])
        _gradient_sums(rows(gradient), rows(images), *ctx.scaled, ctx.mean, of_bias, along)
        of_weight, of_images = along * ctx.spread, None
        if ctx.needs_input_grad[0]:
            steepness = ctx.spread * weight.detach().numpy() * images.shape[1] / images.numel()
            slope = -steepness * ctx.spread * of_weight
            offset = -steepness * of_bias - slope * ctx.mean
            of_images = empty(*images.shape)
            rest = slope.astype(np.float32), offset.astype(np.float32), channels(of_images)
            _gradient(channels(gradient), channels(images), *ctx.scaled, *rest)
        return of_images, torch.from_numpy(of_weight).float(), torch.from_numpy(of_bias).float(), None, None, None


@np.errstate(all="ignore")
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
    relu: bool = False,
    p: float = 0.0,
) -> Tensor:
    """`aten.batch_norm`, and after it `relu` and dropout with probability `p` (which needs relu; 0 for none)."""
    per_channel = (weight, bias, running_mean, running_var)
    covered = type(eps) is float and type(momentum) in (int, float) and _covers(input, per_channel)
    if covered and training:
        out, mean, variance = _Norm.apply(input, weight, bias, eps, relu, p)
        if running_mean is not None:
            count = input.numel() // input.shape[1]
            with torch.no_grad():
                running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
                running_var.mul_(1 - momentum).add_(variance, alpha=momentum * count / (count - 1))
        return out
    if covered and running_mean is not None and not torch.is_grad_enabled():
        images = batch_innermost(input)
        mean, variance = (t.double().numpy() for t in (running_mean, running_var))
        scaled = _scaled(mean, weight.detach().numpy() / np.sqrt(variance + eps), bias, relu)
        return _normalised(images, scaled, _draw_mask(images, p) if p else None)
    out = aten.batch_norm.default(*(input, *per_channel), training, momentum, eps, cudnn_enabled)
    out = torch.relu(out) if relu else out
    return dropout(out, p, True) if p else out


def _covers(images: Tensor, per_channel: tuple[Tensor | None, ...]) -> bool:
    """More than one number a channel, a weight and a bias, and everything of the shape it should be."""
    weight, bias, mean, variance = per_channel
    return (
        is_plain(images)
        and images.numel() > images.shape[1]
        and weight is not None
        and bias is not None
        and (mean is None) == (variance is None)
        and all(
            t is None
            or (
                isinstance(t, Tensor)
                and t.dtype == torch.float32
                and t.device == images.device
                and t.shape == images.shape[1:2]
            )
            for t in per_channel
        )
    )


# ---- dropout


class _Mask(NamedTuple):
    """A number is kept, and multiplied by `factor`, where its random `bits` (C, L) int16 are at least `kept_from`."""

    bits: np.ndarray
    kept_from: np.int16
    factor: np.float32


def _draw_mask(images: Tensor, p: float) -> _Mask:
    """Each number is dropped with probability p, by PyTorch's generator: four numbers out of 64 bits."""
    bits = torch.empty(-(-images.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    # the count of dropped levels is rounded up or down at random, so that the probability is p and not p to 16 bits
    dropped = min(int(p * LEVELS + torch.rand(()).item()), LEVELS - 1)
    of_channels = bits.view(torch.int16)[: images.numel()].view(images.shape[1], -1).numpy()
    return _Mask(of_channels, np.int16(dropped - LEVELS // 2), np.float32(1 / (1 - p)))


class _Dropout(Function):
    @staticmethod
    def forward(ctx, images: Tensor, p: float) -> Tensor:
        ctx.mask = _draw_mask(images, p)
        return _dropped(batch_innermost(images), ctx.mask)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return _dropped(batch_innermost(gradient), ctx.mask), None


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`aten.dropout`."""
    if not train or type(p) is not float or not 0 < p < 1 or not is_plain(input):
        return aten.dropout.default(input, p, train)
    return _Dropout.apply(input, p)


def _dropped(images: Tensor, mask: _Mask) -> Tensor:
    out = empty(*images.shape)
    _drop(channels(images), *mask, channels(out))
    return out
