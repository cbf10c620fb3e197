"""Random numbers for a batch of images, all from one generator on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course.kernels.portable_math import normal_


@dataclass(frozen=True)
class RandomDraws:
    """Random numbers for a batch of `count` images: N below."""

    count: int
    device: torch.device
    generator: torch.Generator | None  # None: PyTorch's global one

    def uniform(self, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = ()) -> Tensor:
        """(N, *shape) float32 in [low, high)."""
        u = torch.rand((self.count, *shape), generator=self.generator, device=self.device)
        return u * (high - low) + low

    def integers_below(self, end: Tensor | int) -> Tensor:
        """(N,) integers 0 .. end - 1 as float32; `end` (N,) may differ from image to image."""
        # the product may round up to `end`
        return (self.uniform() * end).floor().clamp(max=end - 1)

    def bernoulli(self, p: float) -> Tensor:
        """(N, 1, 1, 1) booleans that are true with probability p."""
        return per_image(self.uniform() < p)

    def normal_like(self, images: Tensor) -> Tensor:
        """Standard normal float32 in the shape of `images`."""
        if self.device.type != "cpu":
            return torch.randn(images.shape, generator=self.generator, device=self.device)
        return normal_(torch.empty(images.shape), generator=self.generator)


def per_image(values: Tensor) -> Tensor:
    """(N,) -> (N, 1, 1, 1)"""
    return values[:, None, None, None]


def scalar(value: Any) -> Any:
    """x for (x,): torchvision takes both where an image has one channel."""
    return value[0] if isinstance(value, tuple | list) else value
