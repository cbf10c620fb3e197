"""Tensors (N, C, ...) with the batch innermost: in memory they are (C, ..., N)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def is_float32_batch(value: object) -> TypeGuard[Tensor]:
    """Whether `value` is a tensor with batch and channel dimensions, float32, on the CPU, and not empty."""
    return (
        isinstance(value, Tensor)
        and value.dim() >= 2
        and value.dtype == torch.float32
        and value.device.type == "cpu"
        and value.numel() > 0
    )


def to_batch_innermost(images: Tensor) -> Tensor:
    """The same numbers, detached, with the batch innermost; a copy only if they are stored otherwise."""
    images = images.detach()
    if _in_memory_order(images).is_contiguous():
        return images
    flat = images.reshape(len(images), -1).t().contiguous()  # PyTorch transposes fast in two dimensions only
    return flat.view(*images.shape[1:], len(images)).permute(-1, *range(images.dim() - 1))


def empty_batch_innermost(*shape: int) -> Tensor:
    """Uninitialised memory for (N, C, ...). It is not a view, so that in-place operators may write into it."""
    strides, stride = [1], shape[0]
    for size in reversed(shape[1:]):
        strides.insert(1, stride)
        stride *= size
    return torch.empty_strided(shape, strides)


def pixel_view(images: Tensor) -> Float32:
    """The same memory as (C, pixels, N). Raises RuntimeError where the batch is not innermost."""
    array: Float32 = _in_memory_order(images.detach()).view(images.shape[1], -1, len(images)).numpy()
    return array


def channel_view(images: Tensor) -> Float32:
    """The same memory as (C, pixels * N). Raises RuntimeError where the batch is not innermost."""
    array: Float32 = _in_memory_order(images.detach()).view(images.shape[1], -1).numpy()
    return array


def as_pair(option: int | Sequence[int]) -> tuple[int, ...]:
    """An option for both directions as (vertical, horizontal), as PyTorch reads it."""
    values = (option,) if isinstance(option, int) else tuple(option)
    return values * 2 if len(values) == 1 else values


def are_integers(*options: object) -> bool:
    """Whether all are of type int itself: a tensor that passes for one could change before the backward pass."""
    return all(type(option) is int for option in options)


def _in_memory_order(images: Tensor) -> Tensor:
    return images.permute(*range(1, images.dim()), 0)
