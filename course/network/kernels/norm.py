"""Batch norm, with ReLU and dropout after it, in one pass over memory in each direction.

Every inner loop runs over neighbouring numbers: images are viewed as (C, pixels * N), or as (C, pixels, N) where sums
are accumulated image by image, so that LLVM can vectorise them. Memory bandwidth is the limit, so no loop reads a
number that it can compute again instead.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from course.network.kernels.dropout_masks import ZERO, Int16, Mask, apply_mask, draw_mask, dropout
from course.network.kernels.layout import (
    Float32,
    Float64,
    channel_view,
    empty_batch_innermost,
    is_float32_batch,
    pixel_view,
    to_batch_innermost,
)
from course.network.kernels.numba_loops import compiled

aten = torch.ops.aten
_INSTANCE_NORM = aten.instance_norm.default
PIVOT_STRIDE = 8  # the pivot is the mean over every eighth pixel

# ---- the loops. x and y are images, dx and dy their gradients, `bits` random; the other arrays are per channel, (C,)
# Comparisons are written so that NaN stays NaN.


@compiled
def _moments(x: Float32, mean: Float64, variance: Float64) -> None:
    """Mean and biased variance of each channel of x (C, pixels, N), in one pass over memory after the pivot.

    The sums are over differences from a pivot, the mean of every eighth pixel. It is within sqrt(8) standard deviations
    of the batch's mean, so that little precision is lost when the squares are subtracted.
    """
    channels, pixels, batch = x.shape
    total, squares = np.empty(batch, np.float32), np.empty(batch, np.float32)
    for c in range(channels):
        total[:] = ZERO
        for p in range(0, pixels, PIVOT_STRIDE):
            for n in range(batch):
                total[n] += x[c, p, n]
        pivot = np.float32(total.astype(np.float64).sum() / (batch * -(-pixels // PIVOT_STRIDE)))
        total[:] = ZERO
        squares[:] = ZERO
        for p in range(pixels):
            for n in range(batch):
                difference = x[c, p, n] - pivot
                total[n] += difference
                squares[n] += difference * difference
        mean_difference = total.astype(np.float64).sum() / (pixels * batch)
        mean[c] = pivot + mean_difference
        biased = squares.astype(np.float64).sum() / (pixels * batch) - mean_difference * mean_difference
        variance[c] = np.float64(0) if biased < 0 else biased


@compiled
def _scale(x: Float32, scale: Float32, shift: Float32, minimum: np.float32, y: Float32) -> None:
    """y = max(x * scale + shift, minimum)"""
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            value = x[c, i] * scale[c] + shift[c]
            y[c, i] = minimum if value < minimum else value


@compiled
def _scale_and_drop(
    x: Float32,
    scale: Float32,
    shift: Float32,
    minimum: np.float32,
    bits: Int16,
    threshold: np.int16,
    factor: np.float32,
    y: Float32,
) -> None:
    """`_scale`, then dropout: times `factor` where `bits` are at least `threshold`, else 0."""
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            value = x[c, i] * scale[c] + shift[c]
            y[c, i] = (minimum if value < minimum else value) * (factor if bits[c, i] >= threshold else ZERO)


@compiled
def _gradient_sums(
    dy: Float32,
    x: Float32,
    scale: Float32,
    shift: Float32,
    minimum: np.float32,
    mean: Float64,
    dbeta: Float64,
    dy_dot_centered: Float64,
) -> None:
    """Sums of dy, and of dy * (x - mean), over the numbers of each channel where y is above `minimum`."""
    channels, pixels, batch = x.shape
    sums, dot_sums = np.empty(batch, np.float32), np.empty(batch, np.float32)
    for c in range(channels):
        sums[:] = ZERO
        dot_sums[:] = ZERO
        center = np.float32(mean[c])
        for p in range(pixels):
            for n in range(batch):
                gradient = ZERO if x[c, p, n] * scale[c] + shift[c] <= minimum else dy[c, p, n]
                sums[n] += gradient
                dot_sums[n] += gradient * (x[c, p, n] - center)
        dbeta[c] = sums.astype(np.float64).sum()
        dy_dot_centered[c] = dot_sums.astype(np.float64).sum()


@compiled
def _input_gradient(
    dy: Float32,
    x: Float32,
    scale: Float32,
    shift: Float32,
    minimum: np.float32,
    x_factor: Float32,
    constant: Float32,
    dx: Float32,
) -> None:
    """dx = dy * scale + x * x_factor + constant, with dy taken as 0 where y is not above `minimum`."""
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            gradient = ZERO if x[c, i] * scale[c] + shift[c] <= minimum else dy[c, i]
            dx[c, i] = gradient * scale[c] + x[c, i] * x_factor[c] + constant[c]


# ---- batch norm. Numbers per channel are computed by NumPy in float64: for so few it is faster than PyTorch.


class _Affine(NamedTuple):
    """y = max(x * scale + shift, minimum); `scale` and `shift` are (C,)."""

    scale: Float32
    shift: Float32
    minimum: np.float32


def _affine(mean: Float64, gamma_over_std: Float64, beta: Tensor, relu: bool) -> _Affine:
    """(x - mean) * gamma_over_std + beta, and then ReLU if `relu`."""
    shift = beta.detach().numpy() - mean * gamma_over_std
    minimum = ZERO if relu else np.float32(-math.inf)
    return _Affine(gamma_over_std.astype(np.float32), shift.astype(np.float32), minimum)


def _apply_affine(images: Tensor, affine: _Affine, mask: Mask | None) -> Tensor:
    out = empty_batch_innermost(*images.shape)
    if mask is None:
        _scale(channel_view(images), *affine, channel_view(out))
    else:
        _scale_and_drop(channel_view(images), *affine, *mask, channel_view(out))
    return out


class _BatchNorm(Function):
    """Normalisation by the batch's mean and variance, then ReLU if `relu`, and dropout if `p` is not 0.

    Returns the output, and mean and biased variance, (C,) float64. In the terms of Ioffe and Szegedy (2015), `weight`
    is gamma and `bias` beta.
    """

    @staticmethod
    @np.errstate(all="ignore")  # the training loop detects divergence by the loss
    def forward(
        ctx: Any,  # PyTorch's context, which takes any attribute
        images: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
        relu: bool,
        p: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        images = to_batch_innermost(images)
        mean, variance = np.empty(images.shape[1]), np.empty(images.shape[1])
        _moments(pixel_view(images), mean, variance)
        ctx.save_for_backward(images, weight)
        ctx.mean, ctx.inv_std = mean, 1 / np.sqrt(variance + eps)
        ctx.affine = _affine(mean, ctx.inv_std * weight.detach().numpy(), bias, relu)
        ctx.mask = draw_mask(images, p) if p else None
        statistics = torch.from_numpy(mean), torch.from_numpy(variance)
        ctx.mark_non_differentiable(*statistics)
        return _apply_affine(images, ctx.affine, ctx.mask), *statistics

    @staticmethod
    @np.errstate(all="ignore")
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        affine: _Affine = ctx.affine
        gradient = to_batch_innermost(gradient)
        if ctx.mask is not None:
            gradient = apply_mask(gradient, ctx.mask)
        dbeta, dy_dot_centered = np.empty(images.shape[1]), np.empty(images.shape[1])
        _gradient_sums(pixel_view(gradient), pixel_view(images), *affine, ctx.mean, dbeta, dy_dot_centered)
        dgamma = dy_dot_centered * ctx.inv_std
        dimages = None
        if ctx.needs_input_grad[0]:
            # dx = gamma / std * (dy - (dbeta + (x - mean) / std * dgamma) / count)
            per_number = ctx.inv_std * weight.detach().numpy() * images.shape[1] / images.numel()
            x_factor = -per_number * ctx.inv_std * dgamma
            constant = -per_number * dbeta - x_factor * ctx.mean
            dimages = empty_batch_innermost(*images.shape)
            dy, x, dx = (channel_view(tensor) for tensor in (gradient, images, dimages))
            _input_gradient(dy, x, *affine, x_factor.astype(np.float32), constant.astype(np.float32), dx)
        return dimages, torch.from_numpy(dgamma).float(), torch.from_numpy(dbeta).float(), None, None, None


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
    """`aten.batch_norm`, then `relu`, then dropout with probability `p`; `p` above 0 needs `relu`."""
    per_channel = (weight, bias, running_mean, running_var)
    if type(eps) is float and type(momentum) in (int, float) and _is_supported(input, per_channel):
        assert weight is not None and bias is not None  # as _is_supported says
        if training:
            return _train(input, weight, bias, running_mean, running_var, momentum, eps, relu, p)
        if running_mean is not None and running_var is not None and not torch.is_grad_enabled():
            images = to_batch_innermost(input)
            std = np.sqrt(running_var.double().numpy() + eps)
            affine = _affine(running_mean.double().numpy(), weight.detach().numpy() / std, bias, relu)
            return _apply_affine(images, affine, draw_mask(images, p) if p else None)
    output: Tensor = aten.batch_norm.default(*(input, *per_channel), training, momentum, eps, cudnn_enabled)
    output = torch.relu(output) if relu else output
    return dropout(output, p, True) if p else output


def _train(
    images: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    relu: bool,
    p: float,
) -> Tensor:
    """Normalise by the batch's statistics, and update the running ones; the running variance is unbiased."""
    output: Tensor
    output, mean, variance = _BatchNorm.apply(images, weight, bias, eps, relu, p)
    if running_mean is not None and running_var is not None:
        count = images.numel() // images.shape[1]
        with torch.no_grad():
            running_mean.mul_(1 - momentum).add_(mean, alpha=momentum)
            running_var.mul_(1 - momentum).add_(variance, alpha=momentum * count / (count - 1))
    return output


def _is_supported(images: object, per_channel: tuple[Tensor | None, ...]) -> bool:
    """Whether there are at least two numbers per channel, a weight and a bias, and all shapes fit."""
    weight, bias, running_mean, running_var = per_channel
    return (
        is_float32_batch(images)
        and images.numel() > images.shape[1]
        and weight is not None
        and bias is not None
        and (running_mean is None) == (running_var is None)
        and all(tensor is None or _is_per_channel(tensor, images) for tensor in per_channel)
    )


def _is_per_channel(value: object, images: Tensor) -> bool:
    return (
        isinstance(value, Tensor)
        and value.dtype == torch.float32
        and value.device == images.device
        and value.shape == images.shape[1:2]
    )


class _ContiguousGradient(Function):
    """The same value; in the backward pass its gradient is in the order of PyTorch's own tensors."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        return images.view_as(images)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous()


def instance_norm(input: Tensor, *options: Any) -> Tensor:
    """`aten.instance_norm`. Of one channel, PyTorch misreads a gradient that has the batch innermost."""
    output: Tensor = _ContiguousGradient.apply(_INSTANCE_NORM(input, *options))
    return output
