"""Numbers computed from constants are counted, however they are written."""

from __future__ import annotations

import pytest
import torch

from course.capture import capture
from course.inspection.derived_numbers import count_derived_values
from tests.support.networks import captured, middle


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
def test_a_usual_network_derives_no_numbers(name):
    assert count_derived_values(captured(name).network) == 0
