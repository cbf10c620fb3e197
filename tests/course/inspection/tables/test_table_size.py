"""A regular table takes few numbers to describe; any other takes as many as it has elements."""

from __future__ import annotations

import pytest
import torch

from course.inspection.tables.table_size import TOLERANCE, described_size

LINE = torch.linspace(-1, 1, 28)
ROWS, COLUMNS = LINE[:, None], LINE[None, :]
RANDOM = torch.rand(28, 28, generator=torch.Generator().manual_seed(0))
SIGNS = (RANDOM > 0.5).float()

REGULAR = {  # numbers with tolerance, and exactly
    "one_number": (torch.full((8, 13, 13), 0.3), 1, 1),
    "a_row_for_each_image": (RANDOM[0].expand(2, 4, 28), 28, 28),
    "a_ramp": (torch.arange(784.0), 2, 784),
    "a_grid_of_rows": (ROWS.expand(28, 28), 2, 28),
    "a_sum_of_ramps": (ROWS + COLUMNS, 4, 784),
    "a_product_of_rows": (torch.outer(RANDOM[0], RANDOM[1]), 56, 784),
    "a_triangle": (torch.ones(28, 28).tril(), 4, 4),
    "an_identity": (torch.eye(90), 6, 6),
    "stripes": (RANDOM[0, :3].repeat(100), 3, 3),
    "blocks": (RANDOM[:2, :2].repeat_interleave(14, 0).repeat_interleave(14, 1), 4, 4),
    "distances": ((ROWS**2 + COLUMNS**2).sqrt(), 14 * 15 // 2, 784),
}


@pytest.mark.parametrize("name", REGULAR)
def test_a_regular_table_takes_few_numbers(name):
    table, with_tolerance, exactly = REGULAR[name]
    assert described_size(table, exact=False) == with_tolerance
    assert exactly >= described_size(table, exact=True) >= min(exactly, with_tolerance)


@pytest.mark.parametrize(
    "table", [RANDOM, SIGNS, SIGNS.bool(), (RANDOM * 256).floor(), torch.sin(torch.arange(784.0) * 13)]
)
def test_a_table_without_a_rule_takes_all_its_elements_however_few_values_it_has(table):
    assert described_size(table, exact=False) == 784


def test_what_hides_below_the_tolerance_is_found_where_the_description_must_be_exact():
    ramp = torch.arange(784.0).double()
    hidden = ramp + TOLERANCE / 10 * SIGNS.flatten()
    assert described_size(hidden, exact=False) == 2
    assert described_size(hidden, exact=True) == 784


def test_numbers_that_are_not_finite_are_no_description():
    assert described_size(torch.full((5, 5), torch.nan), exact=False) == 25
    assert described_size(torch.tensor(torch.inf), exact=False) == 1
    assert described_size(torch.zeros(0), exact=False) == 1
