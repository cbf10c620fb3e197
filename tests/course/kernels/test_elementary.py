"""exp and log of kernels are within three units in the last place of the exact value."""

from __future__ import annotations

import math

import torch

from course.kernels.builder import LANES, Kernel
from course.kernels.elementary import exp, log
from course.kernels.instructions import Instruction
from tests.support.kernels import computed


def of(function, x: torch.Tensor) -> torch.Tensor:
    kernel = Kernel("function", ["x", "y"], ["vectors"])
    with kernel.tasks(kernel["vectors"]) as i:
        kernel.store(function(kernel, kernel.load("x", i * LANES)), "y", i * LANES)
    y = torch.empty_like(x)
    computed([Instruction(kernel.address(), (x, y, len(x) // LANES))])
    return y


def units_in_the_last_place(computed_: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    spacing = torch.nextafter(exact.float().abs(), torch.tensor(math.inf)) - exact.float().abs()
    return (computed_.double() - exact).abs() / spacing.double()


def test_exp_is_within_two_units():
    x = torch.linspace(-86.9, 87.9, 160_000)
    assert units_in_the_last_place(of(exp, x), x.double().exp()).max() < 3


def test_exp_is_0_or_infinite_far_from_0_and_nan_of_nan():
    x = torch.tensor([-math.inf, -1e30, -88.0, 89.0, 1e30, math.inf, math.nan, 0.0] * 2)
    result = of(exp, x)
    assert result[:6].tolist() == [0.0, 0.0, 0.0, math.inf, math.inf, math.inf]
    assert math.isnan(result[6]) and result[7] == 1


def test_log_is_within_three_units():
    x = torch.logspace(-37, 38, 160_000, dtype=torch.float64).float()
    near_one = torch.linspace(0.7, 1.5, 160_000)
    for values in (x, near_one):
        exact = values.double().log()
        close = units_in_the_last_place(of(log, values), exact)
        # near 1 the result is near 0: there the error is compared with that of the argument
        assert close[exact.abs() > 0.01].max() < 3
        assert (of(log, values).double() - exact).abs()[exact.abs() <= 0.01].max() < 2.0**-24
