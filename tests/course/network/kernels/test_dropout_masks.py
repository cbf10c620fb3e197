"""Dropout: which numbers it sets to zero, how often, and what it does not compute itself."""

from __future__ import annotations

import math

import pytest
import torch

from course.network import kernels
from course.network.kernels.dropout_masks import LEVELS, draw_mask


def test_the_gradient_passes_where_the_number_was_kept_with_the_same_factor():
    images = torch.ones(6, 5, 4, 4, requires_grad=True)
    output = kernels.dropout(images, 0.25, True)
    output.sum().backward()
    assert set(output.unique().tolist()) == {0.0, float(torch.tensor(1 / 0.75))}
    assert torch.equal(images.grad, output)


@pytest.mark.parametrize(("p", "train"), [(0.5, False), (0.0, True)])
def test_where_nothing_is_dropped_the_numbers_stay(p, train):
    images = torch.randn(3, 2, 4, 4)
    assert torch.equal(kernels.dropout(images, p, train), images)


def test_unsupported_arguments_are_passed_to_pytorch():
    assert kernels.dropout(torch.ones(4, 4, dtype=torch.float64), 0.5, True).dtype == torch.float64
    assert not kernels.dropout(torch.ones(4, 4), 1.0, True).any()
    with pytest.raises(RuntimeError):
        kernels.dropout(torch.ones(4, 4), 1.5, True)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.25, 0.5, 0.99])
def test_each_number_is_dropped_with_probability_p_and_independently_of_its_neighbour(p):
    torch.manual_seed(3)
    count = 400_000
    kept = kernels.dropout(torch.ones(8, count // 8), p, True).flatten() != 0
    dropped = (~kept).double()
    assert abs(float(dropped.mean()) - p) < 5 * math.sqrt(p * (1 - p) / count)
    both = float((dropped[1:] * dropped[:-1]).mean())
    assert abs(both - p * p) < 5 * math.sqrt(p * p * (1 - p * p) / count) + 5e-6


def test_the_probability_is_exact_beyond_sixteen_bits():
    """p lies between two levels: over many masks the higher and the lower one are drawn in proportion."""
    torch.manual_seed(0)
    images, p = torch.ones(2, 2), 100.25 / LEVELS
    thresholds = torch.tensor([float(draw_mask(images, p).threshold) for _ in range(4000)])
    assert float(thresholds.mean()) + LEVELS // 2 == pytest.approx(100.25, abs=0.04)
