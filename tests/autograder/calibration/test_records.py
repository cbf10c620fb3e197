"""The runs that the limits are based on: they are recorded, read again and summed up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.calibration import Calibration, calibration_file, load_calibration, pass_probability, save_calibration
from course.rules import assignments, load_rules

RULES = load_rules("challenge")  # asks for two consecutive epochs
LEVELS = st.lists(st.floats(0.98, 1), min_size=2, max_size=5)


def test_a_run_counts_with_the_level_that_it_held():
    calibration = Calibration({}, runs={1: [9_900, 9_960, 9_940, 9_900], 2: [9_950, 9_900, 9_920, 9_930]})
    assert calibration.held_levels(RULES) == [0.9940, 0.9920]
    assert calibration.describe(RULES) == "held 99.40 99.20; mean 99.30 %, spread 0.14 points, n = 2"


@given(LEVELS, st.floats(0.98, 1), st.floats(0.98, 1))
def test_a_higher_limit_is_never_easier_to_hold(levels, one, other):
    assert 0 <= pass_probability(levels, max(one, other)) <= pass_probability(levels, min(one, other)) <= 1


def test_half_of_the_runs_hold_the_mean_and_few_agreeing_runs_are_not_believed_to_have_no_spread():
    assert pass_probability([0.9920, 0.9930], 0.9925) == pytest.approx(0.5)
    assert 0.9 < pass_probability([0.9920] * 3, 0.9910) < 0.99


def test_what_is_kept_is_read_again(tmp_path):
    kept = Calibration({"spec": "a1", "torch": "2"}, "x86_64", 7_758, {2: [9_800, 9_900], 1: [9_700]})
    save_calibration(tmp_path / "lesson.json", kept)
    assert load_calibration(tmp_path / "lesson.json") == kept


@pytest.mark.parametrize("lesson", assignments())
def test_every_lesson_has_a_calibration_with_the_seeds_that_its_rules_ask_for(lesson):
    calibration = load_calibration(calibration_file(lesson))
    assert len(calibration.runs) >= 3 and calibration.counted > 0
    assert all(0 <= correct <= 10_000 for run in calibration.runs.values() for correct in run)
