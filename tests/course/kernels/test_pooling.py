"""Pooling: outputs and gradients as PyTorch computes them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course.kernels import layout, pooling
from tests.support.kernels import computed, packed


def pytorchs(kind: str, images: torch.Tensor, window) -> tuple[torch.Tensor, torch.Tensor]:
    images = images.clone().requires_grad_()
    out = (F.max_pool2d if kind == "max" else F.avg_pool2d)(images, window)
    (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
    return out.detach(), images.grad


def ours(kind: str, images: torch.Tensor, window, threads: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    count, channels, height, width = images.shape
    x = packed(images)
    y = layout.empty(count, (channels, height // window[0], width // window[1]))
    dx = torch.empty_like(x)
    forward = pooling.max_pool if kind == "max" else pooling.mean_pool
    computed(forward(x, y, window), threads)
    out = layout.unpack(y, count)
    dy = packed(torch.linspace(-1, 1, out.numel()).view(out.shape))
    if kind == "max":
        computed(pooling.max_pool_backward(x, y, dy, dx, window), threads)
    else:
        computed(pooling.mean_pool_backward(dy, dx, window), threads)
    return out, layout.unpack(dx, count)


@settings(max_examples=80)
@given(
    st.sampled_from(["max", "mean"]),
    st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(4, 9), st.integers(4, 9)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(0, 99),
    st.sampled_from([1, 100]),
)
def test_outputs_and_gradients_are_pytorchs_also_where_several_numbers_are_the_maximum(
    kind, shape, window, seed, values
):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(-values, values + 1, shape, generator=generator).float()
    results = ours(kind, images, window)
    for one, other, threaded in zip(
        results, pytorchs(kind, images, window), ours(kind, images, window, 3), strict=True
    ):
        assert torch.equal(one, other) and torch.equal(one, threaded)


def test_nan_is_the_maximum():
    images = torch.zeros(2, 1, 4, 4)
    images[0, 0, 0, 1] = math.nan
    assert ours("max", images, (2, 2))[0].isnan().sum() == 1


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_pixels_that_no_window_covers_have_no_gradient(kind):
    gradient = ours(kind, torch.randn(3, 2, 7, 8), (3, 3))[1]
    assert not gradient[:, :, 6:].any() and not gradient[:, :, :, 6:].any()
