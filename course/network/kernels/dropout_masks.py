"""Dropout by masks of random bits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd import Function

from course.network.kernels.layout import (
    Float32,
    channel_view,
    empty_batch_innermost,
    is_float32_batch,
    to_batch_innermost,
)
from course.network.kernels.numba_loops import compiled

aten = torch.ops.aten
Int16 = npt.NDArray[np.int16]
LEVELS = 2**16  # dropout compares 16 random bits with a threshold
ZERO = np.float32(0)


class Mask(NamedTuple):
    """A number is kept, times `factor`, where its random `bits` (C, pixels * N) are at least `threshold`."""

    bits: Int16
    threshold: np.int16
    factor: np.float32


def draw_mask(images: Tensor, p: float) -> Mask:
    """A mask that drops each number with probability p. PyTorch's generator draws 64 bits for every four numbers."""
    bits = torch.empty(-(-images.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    # the number of dropped levels is rounded up or down at random, so that p is exact and not limited to 16 bits
    dropped = min(int(p * LEVELS + torch.rand(()).item()), LEVELS - 1)
    per_channel = bits.view(torch.int16)[: images.numel()].view(images.shape[1], -1).numpy()
    return Mask(per_channel, np.int16(dropped - LEVELS // 2), np.float32(1 / (1 - p)))


@compiled
def _drop(x: Float32, bits: Int16, threshold: np.int16, factor: np.float32, y: Float32) -> None:
    """y = x * factor where `bits` are at least `threshold`, else 0."""
    for c in range(x.shape[0]):
        for i in range(x.shape[1]):
            y[c, i] = x[c, i] * (factor if bits[c, i] >= threshold else ZERO)


def apply_mask(images: Tensor, mask: Mask) -> Tensor:
    out = empty_batch_innermost(*images.shape)
    _drop(channel_view(images), *mask, channel_view(out))
    return out


class _Dropout(Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, p: float) -> Tensor:  # ctx takes any attribute
        ctx.mask = draw_mask(images, p)
        return apply_mask(to_batch_innermost(images), ctx.mask)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return apply_mask(to_batch_innermost(gradient), ctx.mask), None


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`aten.dropout`."""
    supported = train and type(p) is float and 0 < p < 1 and is_float32_batch(input)
    output: Tensor = _Dropout.apply(input, p) if supported else aten.dropout.default(input, p, train)
    return output
