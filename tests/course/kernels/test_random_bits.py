"""Dropout's random numbers: the right share, independent neighbours, a stream for each key and channel."""

from __future__ import annotations

import math

import pytest
import torch

from course.kernels.pointwise import Draw, Pointwise, Steps
from course.kernels.random_bits import LEVELS
from tests.support.kernels import computed


def kept(p: float, key: int, shape: tuple[int, ...] = (4, 10, 20, 20, 32), level: int = 0) -> torch.Tensor:
    """Which of the numbers are kept."""
    draw = Draw.with_probability(p)
    draw.set(key, level)
    x, y = torch.ones(shape), torch.empty(shape)
    computed(Pointwise(shape[0] * 32, Steps(dropout="numbers"), draw).forward(x, y), threads=2)
    return y != 0


@pytest.mark.parametrize("p", [0.001, 0.1, 0.25, 0.5, 0.99])
def test_each_number_is_dropped_with_probability_p_and_independently_of_its_neighbours(p):
    dropped = (~kept(p, 3)).double()
    count = dropped.numel()
    assert abs(float(dropped.mean()) - p) < 5 * math.sqrt(p * (1 - p) / count) + 1 / LEVELS
    for dim in range(dropped.dim()):  # blocks, channels, rows, columns, images
        first, second = dropped.narrow(dim, 0, dropped.shape[dim] - 1), dropped.narrow(dim, 1, dropped.shape[dim] - 1)
        both = float((first * second).mean())
        assert abs(both - p * p) < 5 * math.sqrt(p * p * (1 - p * p) / first.numel()) + 3 * p / LEVELS, dim


def test_another_key_gives_another_mask_and_the_same_key_the_same():
    one, other = kept(0.5, 3), kept(0.5, 4)
    assert torch.equal(one, kept(0.5, 3))
    agreement = float((one == other).double().mean())
    assert abs(agreement - 0.5) < 5 * math.sqrt(0.25 / one.numel())


@pytest.mark.parametrize("key", [0, -1, 2**63 - 1, -(2**63)])
def test_no_key_is_special(key):
    assert abs(float(kept(0.5, key).double().mean()) - 0.5) < 0.005


def test_the_probability_is_exact_beyond_sixteen_bits():
    """p lies between two levels: over many steps the higher and the lower one are taken in proportion."""
    draw, levels = Draw.with_probability(100.25 / LEVELS), []
    for level in range(0, 2**32, 2**20):
        draw.set(1, level)
        levels.append(int(draw.state[1]) + LEVELS // 2)
    assert set(levels) == {100, 101} and sum(levels) / len(levels) == pytest.approx(100.25, abs=0.001)


def test_almost_all_may_be_dropped_and_something_is_kept():
    draw = Draw.with_probability(1 - 2**-30)
    draw.set(1, 2**32 - 1)
    assert int(draw.state[1]) == LEVELS - 1 - LEVELS // 2
