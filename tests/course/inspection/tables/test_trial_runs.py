"""Runs differ as they say, and a value that images hardly change beside its spread is steady."""

import torch
from torch import nn

from course.capture import capture
from course.inspection.tables.trial_runs import (
    DIGITS,
    NOISE_IMAGES,
    OTHER_PARAMETERS,
    PARAMETERS,
    STEADY,
    steady_elements,
    trial_runs,
)
from course.inspection.trials.images import draw_digits
from tests.support.networks import middle

TABLE = torch.linspace(-1, 1, 101)


def test_pairs_of_runs_differ_in_their_images_or_in_their_parameters_alone():
    network = capture(middle(lambda self, x: x * self.w, w=lambda: nn.Parameter(torch.rand(1)))).network
    images = draw_digits(8, torch.Generator().manual_seed(1)).float()[:, None] / 255
    runs = trial_runs(network, images, torch.Generator().manual_seed(0))
    for one, other in (DIGITS, NOISE_IMAGES, OTHER_PARAMETERS):
        assert not torch.equal(runs[one][0], runs[other][0])
        assert all(map(torch.equal, runs[one][1:], runs[other][1:]))
    assert len({float(runs[run][1].flatten()[0]) for run in PARAMETERS}) == len(PARAMETERS)


def test_a_change_far_below_the_spread_is_steady_and_a_larger_one_is_not():
    small, large = 0.5 * STEADY * TABLE.std(), 2 * STEADY * TABLE.std()
    assert steady_elements([TABLE, TABLE + small]).all()
    assert not steady_elements([TABLE, TABLE + large])[50]


def test_each_element_is_told_for_itself():
    beside = torch.cat((TABLE, torch.tensor([0.0]))), torch.cat((TABLE, torch.tensor([1.0])))
    assert steady_elements(beside).tolist() == [True] * 101 + [False]


def test_a_single_number_and_whole_numbers_are_compared_with_themselves():
    assert steady_elements([torch.tensor(1.0), torch.tensor(1.0005)])
    assert not steady_elements([torch.tensor(1.0), torch.tensor(1.01)])
    assert steady_elements([torch.tensor([3, 400]), torch.tensor([4, 400])]).tolist() == [False, True]


def test_what_is_not_finite_is_steady_only_where_it_is_the_same():
    one, other = torch.tensor([0.0, 1.0, torch.inf, torch.nan]), torch.tensor([0.0, 9.0, torch.inf, torch.nan])
    assert steady_elements([one, other]).tolist() == [True, False, True, True]


def test_other_shapes_are_not_steady():
    assert not steady_elements([TABLE, TABLE[:50]]).any()
