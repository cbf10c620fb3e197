"""Replaces operators whose gradients differ from time to time on CUDA by others that compute the same but for rounding.

PyTorch adds up the gradients of adaptive pooling in any order. Other operators of this kind are refused where they are
trained: see `course.training.devices.refusing_unrepeatable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from course.network.operators import Operator
from course.network.program import Call


def make_repeatable(calls: list[Call], output: int | None) -> list[Call]:
    """The calls with replacements; `output` is the index of the graph's output."""
    return [replace(call, op=_REPLACEMENTS.get(call.name, call.op)) for call in calls]


def adaptive_avg_pool1d(images: Tensor, output_size: Sequence[int]) -> Tensor:
    """As PyTorch's: means over windows that may overlap, here as a matrix product."""
    return images @ _window_means(images.shape[-1], output_size[0], images).T


def adaptive_avg_pool2d(images: Tensor, output_size: Sequence[int]) -> Tensor:
    """As PyTorch's: means over windows that may overlap, here as two matrix products."""
    if list(output_size) == [1, 1]:
        return images.mean((-2, -1), keepdim=True)
    height, width = images.shape[-2:]
    rows = _window_means(height, output_size[0], images)
    return rows @ (images @ _window_means(width, output_size[1], images).T)


def _window_means(size: int, windows: int, like: Tensor) -> Tensor:
    """(windows, size): what each number counts in the mean of each window. Nothing is copied to the device."""
    window, place = torch.arange(windows, device=like.device)[:, None], torch.arange(size, device=like.device)
    start, end = window * size // windows, -(-(window + 1) * size // windows)
    return ((place >= start) & (place < end)).to(like.dtype) / (end - start)


def adaptive_max_pool2d(images: Tensor, output_size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """As PyTorch's, without adaptive windows where all are of one size."""
    sizes = list(zip(images.shape[-2:], output_size, strict=True))
    window = [size // outputs for size, outputs in sizes]
    if any(size % outputs for size, outputs in sizes):
        maxima, indices = torch.ops.aten.adaptive_max_pool2d.default(images, output_size)
    else:
        maxima, indices = torch.ops.aten.max_pool2d_with_indices.default(images, window, window)
    return maxima, indices


_REPLACEMENTS: dict[str, Operator] = {
    "aten.adaptive_avg_pool1d.default": adaptive_avg_pool1d,
    "aten.adaptive_avg_pool2d.default": adaptive_avg_pool2d,
    "aten.adaptive_max_pool2d.default": adaptive_max_pool2d,
}
