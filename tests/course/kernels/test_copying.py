"""Sums and copies of whole values and of slices of channels."""

from __future__ import annotations

import torch

from course.kernels.copying import add, copy
from tests.support.kernels import computed


def test_a_sum_may_be_written_over_one_of_its_terms():
    a, b = torch.randn(2, 3, 4, 32), torch.randn(2, 3, 4, 32)
    expected = a + b
    computed(add(a, b, a), threads=2)
    assert torch.equal(a, expected)


def test_channels_are_copied_from_and_into_slices():
    x, y = torch.randn(3, 6, 5, 5, 32), torch.zeros(3, 4, 5, 5, 32)
    computed(copy(x[:, 2:5], y[:, 1:]), threads=2)
    assert torch.equal(y[:, 1:], x[:, 2:5]) and not y[:, 0].any()
