"""Max-pooling: outputs and gradients as PyTorch computes them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course.network import kernels


def with_gradient(function, images: torch.Tensor, *options) -> tuple[torch.Tensor, torch.Tensor]:
    images = images.clone().requires_grad_()
    out = function(images, *options)
    (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
    return out.detach(), images.grad


@settings(max_examples=80)
@given(
    st.tuples(st.integers(1, 20), st.integers(1, 5), st.integers(4, 9), st.integers(4, 9)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(0, 99),
    st.sampled_from([1, 100]),
)
def test_outputs_and_gradients_are_pytorchs_also_where_several_numbers_are_the_maximum(shape, window, seed, values):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(-values, values + 1, shape, generator=generator).float()
    for one, other in zip(
        with_gradient(kernels.max_pool2d, images, window),
        with_gradient(F.max_pool2d, images, window),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_nan_is_the_maximum():
    images = torch.zeros(2, 1, 4, 4)
    images[0, 0, 0, 1] = math.nan
    assert kernels.max_pool2d(images, 2).isnan().sum() == 1
    assert with_gradient(kernels.max_pool2d, images, 2)[1][0, 0, 0, 1] == -1


@pytest.mark.parametrize(
    "options",
    [(3, 2), (2, 2, 1), (2, 1), (2, 2, 0, 2), (3, 3, 0, 1, True), (1,), (5,)],
    ids="overlapping padded sliding spaced ragged nothing large".split(),
)
def test_other_windows_are_passed_to_pytorch(options):
    images = torch.randn(3, 2, 8, 8)
    for one, other in zip(
        with_gradient(kernels.max_pool2d, images, *options), with_gradient(F.max_pool2d, images, *options), strict=True
    ):
        assert torch.equal(one, other)
