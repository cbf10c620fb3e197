"""Batch norm, ReLU and dropout in one pass, for what a small network is on a CPU: 1 to 32 channels.

PyTorch's own are made for wide layers: with 10 channels its batch norm takes ten times as long as reading and writing
the numbers, and dropout draws 53 random bits for each. These compute the same (tests compare outputs and gradients on
random shapes) with loops that Numba compiles when they are first used, in about a second; one thread, so that the
result does not depend on their number. Whatever they do not cover goes to PyTorch's operators.

Images (N, C, H, W) are kept with channels innermost and seen as rows of H * W * C numbers; what belongs to a channel
(a mean, a scale) is repeated along the row, so that every loop runs over neighbouring numbers. `make bench` measures.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

aten = torch.ops.aten
LEVELS = 2**16  # dropout decides by 16 random bits
ZERO = np.float32(0)

# "contract" allows a product and a sum to be rounded once; everything else keeps the order and the meaning of NaN
_compiled = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)

# ---- loops over rows: x, y, g, out (N, L), and what belongs to a channel, repeated to (L,)
# Reading memory is what costs: no loop reads twice what it can work out. Comparisons are such that NaN stays NaN.


@_compiled
def _moments(x, pivot, total, squares):
    """Sums over N of x - pivot and of its square."""
    total[:] = ZERO
    squares[:] = ZERO
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            difference = x[n, j] - pivot[j]
            total[j] += difference
            squares[j] += difference * difference


@_compiled
def _scale(x, scale, shift, least, y):
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            value = x[n, j] * scale[j] + shift[j]
            y[n, j] = least if value < least else value


@_compiled
def _scale_and_drop(x, scale, shift, least, bits, kept_from, factor, y):
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            value = x[n, j] * scale[j] + shift[j]
            y[n, j] = (least if value < least else value) * (factor if bits[n, j] >= kept_from else ZERO)


@_compiled
def _drop(x, bits, kept_from, factor, y):
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[n, j] = x[n, j] * (factor if bits[n, j] >= kept_from else ZERO)


@_compiled
def _gradient_sums(g, x, scale, shift, least, mean, total, along):
    """Sums over N of the gradient where the value was above `least`, and of its product with x - mean."""
    total[:] = ZERO
    along[:] = ZERO
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            gradient = ZERO if x[n, j] * scale[j] + shift[j] <= least else g[n, j]
            total[j] += gradient
            along[j] += gradient * (x[n, j] - mean[j])


@_compiled
def _gradient(g, x, scale, shift, least, slope, offset, out):
    """The gradient of x: that of the values times scale, minus what the batch's mean and variance pass on."""
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            gradient = ZERO if x[n, j] * scale[j] + shift[j] <= least else g[n, j]
            out[n, j] = gradient * scale[j] + x[n, j] * slope[j] + offset[j]


# ---- between tensors and rows


def _channels_innermost(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last) if images.dim() == 4 else images.contiguous()


def _rows(images: Tensor) -> np.ndarray:
    """The same memory as (N, L). Raises RuntimeError where channels are not innermost."""
    images = images.detach()
    return (images.permute(0, 2, 3, 1) if images.dim() == 4 else images).view(len(images), -1).numpy()


def _along(values: Tensor, images: Tensor) -> np.ndarray:
    """One number for each channel (C,) -> the row of them, (L,)."""
    return values.detach().float().repeat(images[0, 0].numel()).numpy()


def _sums(images: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Two rows to add up in, (L,)."""
    return np.empty(images[0].numel(), np.float32), np.empty(images[0].numel(), np.float32)


def _per_channel(sums: np.ndarray, images: Tensor) -> Tensor:
    """A row of sums -> the sum of each channel, (C,) float64."""
    return torch.from_numpy(sums).view(-1, images.shape[1]).sum(0, dtype=torch.float64)


# ---- batch norm


def _mean_and_variance(images: Tensor) -> tuple[Tensor, Tensor]:
    """Of each channel over the batch, (C,) float64, in one pass.

    It adds up differences from the first image's mean: that is within sqrt(N) standard deviations of the batch's, so
    little is lost when squares are subtracted.
    """
    count = images.numel() // images.shape[1]
    pivot = _channels_innermost(images[:1]).mean((0, *range(2, images.dim()))).detach()
    total, squares = _sums(images)
    _moments(_rows(images), _along(pivot, images), total, squares)
    difference = _per_channel(total, images) / count
    variance = _per_channel(squares, images) / count - difference * difference
    return pivot + difference, variance.clamp_min(0)


class _Scaled(NamedTuple):
    """y = x * scale + shift, cut off at `least`: rows (L,) and a number."""

    scale: np.ndarray
    shift: np.ndarray
    least: np.float32


def _scaled(images: Tensor, mean: Tensor, steepness: Tensor, bias: Tensor, relu: bool) -> _Scaled:
    """(x - mean) * steepness + bias, and ReLU where it is wanted."""
    least = ZERO if relu else np.float32(-math.inf)
    return _Scaled(_along(steepness, images), _along(bias - mean * steepness, images), least)


def _normalised(images: Tensor, scaled: _Scaled, mask: _Mask | None) -> Tensor:
    out = torch.empty_like(images)
    if mask is None:
        _scale(_rows(images), *scaled, _rows(out))
    else:
        _scale_and_drop(_rows(images), *scaled, *mask, _rows(out))
    return out


class _Norm(Function):
    """By the batch's own mean and variance, which are also given back; then ReLU and dropout where they are wanted."""

    @staticmethod
    def forward(ctx, images: Tensor, weight: Tensor, bias: Tensor, eps: float, relu: bool, p: float):
        mean, variance = _mean_and_variance(images)
        spread = (variance + eps).rsqrt()
        ctx.scaled = _scaled(images, mean, spread * weight, bias, relu)
        ctx.mask = _draw_mask(images, p) if p else None
        ctx.save_for_backward(images, weight, mean, spread)
        ctx.mark_non_differentiable(mean, variance)
        return _normalised(images, ctx.scaled, ctx.mask), mean, variance

    @staticmethod
    def backward(ctx, gradient: Tensor, *_):
        images, weight, mean, spread = ctx.saved_tensors
        gradient = _channels_innermost(gradient)
        if ctx.mask is not None:
            gradient = _dropped(gradient, ctx.mask)
        count = images.numel() // images.shape[1]
        total, along = _sums(images)
        _gradient_sums(_rows(gradient), _rows(images), *ctx.scaled, _along(mean, images), total, along)
        of_bias, of_weight = _per_channel(total, images), _per_channel(along, images) * spread
        of_images = None
        if ctx.needs_input_grad[0]:
            steepness = spread * weight / count
            slope = -steepness * spread * of_weight
            offset = -steepness * of_bias - slope * mean
            of_images = torch.empty_like(images)
            rows = _along(slope, images), _along(offset, images), _rows(of_images)
            _gradient(_rows(gradient), _rows(images), *ctx.scaled, *rows)
        return of_images, of_weight.float(), of_bias.float(), None, None, None


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
    if _covers(input, per_channel) and training:
        out, mean, variance = _Norm.apply(input, weight, bias, eps, relu, p)
        if running_mean is not None:
            count = input.numel() // input.shape[1]
            with torch.no_grad():
                running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
                running_var.mul_(1 - momentum).add_(variance, alpha=momentum * count / (count - 1))
        return out
    if _covers(input, per_channel) and running_mean is not None and not torch.is_grad_enabled():
        scaled = _scaled(input, running_mean, weight * (running_var + eps).rsqrt(), bias, relu)
        return _normalised(input, scaled, _draw_mask(input, p) if p else None)
    out = aten.batch_norm.default(*(input, *per_channel), training, momentum, eps, cudnn_enabled)
    out = torch.relu(out) if relu else out
    return dropout(out, p, True) if p else out


def _covers(images: Tensor, per_channel: tuple[Tensor | None, ...]) -> bool:
    """(N, C, H, W) with channels innermost or (N, C), a weight and a bias, and everything of the shape it should be."""
    weight, bias, mean, variance = per_channel
    return (
        _is_plain(images)
        and images.numel() > images.shape[1]
        and weight is not None
        and bias is not None
        and (mean is None) == (variance is None)
        and all(
            t is None or (t.dtype == torch.float32 and t.device == images.device and t.shape == images.shape[1:2])
            for t in per_channel
        )
    )


# ---- dropout


class _Mask(NamedTuple):
    """A number is kept, and multiplied by `factor`, where its random `bits` (N, L) int16 are at least `kept_from`."""

    bits: np.ndarray
    kept_from: np.int16
    factor: np.float32


def _draw_mask(images: Tensor, p: float) -> _Mask:
    """Each number is dropped with probability p, by PyTorch's generator: four numbers out of 64 bits."""
    bits = torch.empty(-(-images.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    # the count of dropped levels is rounded up or down at random, so that the probability is p and not p to 16 bits
    dropped = min(int(p * LEVELS + torch.rand(()).item()), LEVELS - 1)
    rows = bits.view(torch.int16)[: images.numel()].view(len(images), -1).numpy()
    return _Mask(rows, np.int16(dropped - LEVELS // 2), np.float32(1 / (1 - p)))


class _Dropout(Function):
    @staticmethod
    def forward(ctx, images: Tensor, p: float) -> Tensor:
        ctx.mask = _draw_mask(images, p)
        return _dropped(images, ctx.mask)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return _dropped(_channels_innermost(gradient), ctx.mask), None


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`aten.dropout`."""
    if not train or not 0 < p < 1 or not _is_plain(input):
        return aten.dropout.default(input, p, train)
    return _Dropout.apply(input, p)


def _dropped(images: Tensor, mask: _Mask) -> Tensor:
    out = torch.empty_like(images)
    _drop(_rows(images), *mask, _rows(out))
    return out


def _is_plain(images: Tensor) -> bool:
    """float32 on the CPU, (N, C, H, W) with channels innermost or (N, C), and not empty."""
    layout = {2: torch.contiguous_format, 4: torch.channels_last}.get(images.dim())
    return (
        layout is not None
        and images.dtype == torch.float32
        and images.device.type == "cpu"
        and images.numel() > 0
        and images.is_contiguous(memory_format=layout)
    )


def load() -> None:
    """Compile everything now: a process that forks others does so before, and they share it."""
    images = torch.zeros(2, 1, 1, 1).contiguous(memory_format=torch.channels_last)
    one = torch.ones(1)
    for p in (0.0, 0.5):
        normed = batch_norm(images.requires_grad_(), one, one, None, None, True, 0.1, 1e-5, True, relu=True, p=p)
        normed.sum().backward()
