"""Samples of images at any positions, as PyTorch's grid_sample takes them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from course.kernels.instructions import using_threads
from course.kernels.sampling import sample


@pytest.mark.parametrize("is_bilinear", [True, False])
@given(st.integers(1, 9), st.integers(2, 30), st.integers(2, 30), st.integers(0, 99))
def test_samples_are_those_of_grid_sample(is_bilinear, count, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, height, width, generator=generator)
    x, y = (torch.rand(count, 5, 7, generator=generator) * (size + 4) - 2.5 for size in (width, height))
    out, inside = sample(images, x, y, is_bilinear=is_bilinear)
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), -1).double()
    mode = "bilinear" if is_bilinear else "nearest"
    with_ones = torch.stack((images, torch.ones_like(images)), 1).double()
    expected = F.grid_sample(with_ones, grid, mode, "zeros", align_corners=False)
    assert torch.allclose(out.double(), expected[:, 0], atol=1e-4)
    assert torch.allclose(inside.double(), expected[:, 1], atol=1e-4)
    with using_threads(3):
        assert torch.equal(out, sample(images, x, y, is_bilinear=is_bilinear)[0])


def test_whole_positions_give_the_pixels():
    images = torch.rand(3, 28, 28)
    y, x = (p.float().expand(3, 28, 28) for p in torch.meshgrid(*[torch.arange(28)] * 2, indexing="ij"))
    for is_bilinear in (True, False):
        out, inside = sample(images, x, y, is_bilinear=is_bilinear)
        assert torch.equal(out, images) and bool((inside == 1).all())


@pytest.mark.parametrize("far", [math.inf, -math.inf, math.nan, 1e30])
def test_positions_that_are_nowhere_are_outside(far):
    positions = torch.full((2, 3), far)
    out, inside = sample(torch.ones(2, 4, 4), positions, torch.zeros(2, 3), is_bilinear=True)
    assert not out.any() and not inside.any()


def test_no_image_is_no_sample():
    nothing = torch.zeros(0, 28, 28)
    assert sample(nothing, nothing, nothing, is_bilinear=True)[0].shape == (0, 28, 28)
