"""Numbers computed from constants are counted, and pretrained weights are found, however they are written."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course.capture import capture
from course.inspection.derived_numbers import (
    MAX_PRETRAINED,
    count_derived_values,
    pretrained_problems,
    pretrained_weights,
)
from tests.support.networks import captured, middle, recipe


def sines(self, x):
    """A table of the sines of 1 x 1 to 13 x 13, computed from ones."""
    return x + torch.sin(torch.ones_like(x[:1, :1]).cumsum(-1).cumsum(-2))


PRODUCTS = len({i * j for i in range(1, 14) for j in range(1, 14)})
TABLES = {
    "none": (lambda self, x: torch.relu(x) * 0.5, 0),
    "computed_from_ones": (sines, PRODUCTS),
    "times_a_number": (lambda self, x: x * (sines(self, torch.zeros_like(x)) * 0.5), PRODUCTS),
    "one_number": (lambda self, x: x + torch.ones_like(x) * 3, 0),
    "mean_of_a_table": (lambda self, x: x * sines(self, torch.zeros_like(x)).mean(), PRODUCTS),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_counts_with_its_distinct_numbers_and_so_does_what_is_computed_from_it(case):
    forward, numbers = TABLES[case]
    assert count_derived_values(capture(middle(forward)).network) == numbers


@pytest.mark.parametrize("name", ["model1", "batch_norm_without_affine", "own_parameters", "squeeze_and_excite"])
def test_a_usual_network_derives_no_numbers_and_its_weights_are_not_pretrained(name):
    network = captured(name).network
    assert count_derived_values(network) == 0
    assert sum(pretrained_weights(network).values()) < 10  # one in 3,000 by chance
    assert pretrained_problems(network) == []


def classifier(fill) -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.LogSoftmax(1))
    with torch.no_grad():
        fill(model[1].weight)
    return model


def ramp(weight):
    weight.copy_(torch.linspace(-1, 1, weight.numel()).reshape(weight.shape))


def ramp_under_noise(weight):
    ramp(weight)
    weight.add_(torch.randn(weight.shape), alpha=0.01)


@pytest.mark.parametrize("fill", [ramp, ramp_under_noise])
def test_weights_that_are_the_same_under_every_seed_are_found_and_refused(fill):
    network = capture(recipe(lambda: classifier(fill))).network
    counts = pretrained_weights(network)
    assert counts.keys() == {"1.weight"} and counts["1.weight"] > 7_000
    (problem,) = pretrained_problems(network)
    assert f"({counts['1.weight']:,} in '1.weight'), and {MAX_PRETRAINED} are allowed" in problem


@pytest.mark.parametrize("fill", [nn.init.kaiming_normal_, nn.init.zeros_, nn.init.orthogonal_, lambda w: w.fill_(0.3)])
def test_weights_that_are_drawn_or_filled_with_one_value_are_not_pretrained(fill):
    assert pretrained_problems(capture(recipe(lambda: classifier(fill))).network) == []
