"""Figures of one attempt."""

import pytest

from autograder.leaderboard.pages.attempt_charts import LOWEST, accuracy_curves, parameter_budget
from course.inspection.checks import inspect
from tests.support.rows import RULES
from tests.support.stores import EPOCHS, record_of


def test_a_curve_shows_every_epoch_in_per_cent_and_the_accuracy_to_be_held():
    figure = accuracy_curves([record_of(), record_of(EPOCHS[:2])], RULES)
    assert [trace["y"] for trace in figure["data"]] == [
        pytest.approx([90.2, 90.4, 90.6]),
        pytest.approx([90.2, 90.4]),
    ]
    assert figure["layout"]["shapes"][0]["y0"] == pytest.approx(99.4) and figure["layout"]["showlegend"]
    assert figure["layout"]["yaxis"]["range"][0] == pytest.approx(90.1)


def test_the_axis_of_a_good_run_leaves_out_what_is_far_below_the_goal():
    from dataclasses import replace

    good = [replace(EPOCHS[0], correct=100), replace(EPOCHS[1], correct=497)]
    assert accuracy_curves([record_of(good)], RULES)["layout"]["yaxis"]["range"][0] == LOWEST - 0.1
    assert accuracy_curves([], RULES)["data"] == []


def test_the_budget_shows_the_parts_that_have_parameters_and_all_of_their_numbers(spec):
    inspection = inspect(spec)
    (bars,) = parameter_budget(inspection)["data"]
    assert sum(bars["x"]) == inspection.counted and 0 not in bars["x"]
