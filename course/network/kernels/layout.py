"""Images (N, C, ...) with the batch innermost: in memory they are (C, ..., N)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def is_plain(images: Tensor) -> bool:
    """A tensor, float32 on the CPU with a batch and channels, and not empty."""
    return (
        isinstance(images, Tensor)
        and images.dim() >= 2
        and images.dtype == torch.float32
        and images.device.type == "cpu"
        and images.numel() > 0
    )


def batch_innermost(images: Tensor) -> Tensor:
    """The same numbers, without their gradients; a copy where they lie otherwise."""
    images = images.detach()
    if _memory(images).is_contiguous():
        return images
    flat = images.reshape(len(images), -1).t().contiguous()  # PyTorch is fast at this with two dimensions only
    return flat.view(*images.shape[1:], len(images)).permute(-1, *range(images.dim() - 1))


def empty(*shape: int) -> Tensor:
    """Memory for (N, C, ...). Not a view, so that what follows may write into it."""
    strides, step = [1], shape[0]
    for size in reversed(shape[1:]):
        strides.insert(1, step)
        step *= size
    return torch.empty_strided(shape, strides)


def rows(images: Tensor) -> np.ndarray:
    """The same memory as (C, pixels, N). Raises RuntimeError where the batch is not innermost."""
    return _memory(images.detach()).view(images.shape[1], -1, len(images)).numpy()


def channels(images: Tensor) -> np.ndarray:
    """The same memory as (C, pixels * N). Raises RuntimeError where the batch is not innermost."""
    return _memory(images.detach()).view(images.shape[1], -1).numpy()


def pair(option: int | Sequence[int]) -> tuple[int, ...]:
    """An option for both directions as (vertical, horizontal), as PyTorch reads it."""
    values = (option,) if isinstance(option, int) else tuple(option)
    return values * 2 if len(values) == 1 else values


def are_whole(*options: object) -> bool:
    """Whole numbers, and nothing that only passes for one: a tensor could change until the backward pass."""
    return all(type(option) is int for option in options)


def _memory(images: Tensor) -> Tensor:
    return images.permute(*range(1, images.dim()), 0)
