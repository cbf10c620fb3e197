"""Functions that round alike everywhere are right, and their random numbers have the right distribution."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.kernels import portable_math


def test_sine_and_cosine_are_right_for_many_turns():
    x = torch.linspace(-200, 200, 100_001, dtype=torch.float64)
    sine, cosine = portable_math.sin_cos(x)
    assert (sine - x.sin()).abs().max() < 1e-13 and (cosine - x.cos()).abs().max() < 1e-13
    quarters = torch.arange(-8, 9, dtype=torch.float64) * (math.pi / 2)
    assert torch.allclose(torch.stack(portable_math.sin_cos(quarters)), torch.stack((quarters.sin(), quarters.cos())))


def test_log_and_exp_are_right():
    x = torch.logspace(-300, 300, 100_001, dtype=torch.float64)
    assert ((portable_math.log(x) - x.log()).abs() <= 1e-15 * x.log().abs() + 1e-15).all()
    near_one = torch.linspace(0.5, 2, 100_001, dtype=torch.float64)
    assert (portable_math.log(near_one) - near_one.log()).abs().max() < 1e-15
    y = torch.linspace(-699, 700, 100_001, dtype=torch.float64)
    assert ((portable_math.exp(y) / y.exp() - 1).abs() < 1e-12).all()
    assert portable_math.exp(torch.tensor([-1e4, -math.inf], dtype=torch.float64)).tolist() == [0.0, 0.0]


def test_log_softmax_is_right_and_passes_on_what_is_not_finite():
    x = torch.randn(1000, 10, dtype=torch.float64) * 20
    assert (portable_math.log_softmax(x) - x.log_softmax(1)).abs().max() < 1e-12
    x[0, 3], x[1, 2] = math.nan, math.inf
    assert portable_math.log_softmax(x)[:2].isnan().any(1).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.randoms())
def test_a_mean_does_not_depend_on_the_order(values, random):
    one = portable_math.mean(torch.tensor(values, dtype=torch.float64))
    random.shuffle(values)
    assert one == portable_math.mean(torch.tensor(values, dtype=torch.float64)) == math.fsum(values) / len(values)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.3, 0.7), (-0.123456, 0.123456)])
def test_uniform_draws_use_the_random_bits_as_pytorch_does(bounds):
    torch.manual_seed(3)
    ours = portable_math.uniform_(torch.empty(10_000), *bounds)
    torch.manual_seed(3)
    assert torch.allclose(ours, torch.empty(10_000).uniform_(*bounds), rtol=0, atol=1e-7)


@pytest.mark.parametrize("count", [1, 2, 7, 200_000])
def test_normal_draws_are_normal_and_repeatable(count):
    torch.manual_seed(3)
    ours = portable_math.normal_(torch.empty(count), 1.0, 2.0)
    torch.manual_seed(3)
    assert torch.equal(ours, portable_math.normal_(torch.empty(count), 1.0, 2.0)) and ours.isfinite().all()
    if count > 1000:
        standard = ((ours - 1) / 2).double()
        for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
            spread = math.sqrt({1: 1, 2: 2, 3: 15, 4: 96}[power] / count)
            assert abs(float((standard**power).mean()) - moment) < 5 * spread
        halves = standard[: count // 2], standard[count // 2 :]
        assert abs(float((halves[0] * halves[1]).mean())) < 5 / math.sqrt(count // 2)
