"""torchvision as the reference of the batched transforms: images for both, and how alike their results are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.transforms.capture import capture_transforms
from course.transforms.pipeline import seeded_random_state
from course.transforms.random_draws import RandomDraws

COUNT = 24  # images in a batch
DRAWS = 4000  # compared as a distribution


def draws(count: int = COUNT, seed: int = 0) -> RandomDraws:
    return RandomDraws(count, torch.device("cpu"), torch.Generator().manual_seed(seed))


def grey_images(count: int = COUNT) -> Tensor:
    """uint8 (N, 1, 28, 28), bright up to the border so that borders count."""
    return torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def options_of(transform: Any) -> dict[str, Any]:
    return capture_transforms(transform)[0].options


def uint8_and_float_images() -> Iterator[tuple[Tensor, Tensor, bool]]:
    """(images for torchvision, the same for the batched transform, is_uint8)"""
    yield grey_images(), grey_images().float(), True
    yield grey_images() / 255 - 0.2, grey_images() / 255 - 0.2, False


def assert_same_images(ours: Tensor, theirs: Tensor, is_uint8: bool, share: float = 5e-4) -> None:
    """Equal but for a share of pixels where rounding in another order tips a tie."""
    tolerance = 0.5 if is_uint8 else 1e-4 + 1e-5 * theirs.abs().max().item()
    different = ((ours - theirs.float()).abs() > tolerance).float().mean().item()
    assert different <= share


def ks_distance(ours: Any, theirs: Any) -> float:
    """The Kolmogorov-Smirnov distance of two samples of equal size, in units of its 0.1 % point."""
    ours, theirs = np.sort(np.asarray(ours, float)), np.sort(np.asarray(theirs, float))
    both = np.concatenate([ours, theirs])
    gap = np.searchsorted(ours, both, "right") / len(ours) - np.searchsorted(theirs, both, "right") / len(theirs)
    return np.abs(gap).max() / (1.95 * (2 / len(ours)) ** 0.5)


def assert_same_distribution(ours: list, theirs: list) -> None:
    """Each column of two lists of tuples is drawn from one distribution."""
    assert len(ours) == len(theirs)
    for column, mine, other in zip("abcdefgh", zip(*ours, strict=True), zip(*theirs, strict=True), strict=False):
        assert ks_distance(mine, other) < 1, column


def torchvision_draws(draw_one: Callable[[], Any], count: int = DRAWS) -> list:
    with seeded_random_state(11):
        return [draw_one() for _ in range(count)]
