"""The runs that the limits rest on: they are kept, read again and summed up."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from autograder.authoring import calibrate
from autograder.calibration import Calibration, chance, load, save
from course.rules import load_rules

RULES = load_rules("challenge")  # asks for two consecutive epochs
LEVELS = st.lists(st.floats(0.98, 1), min_size=2, max_size=5)


def test_a_run_counts_with_the_level_that_it_held():
    calibration = Calibration({}, runs={1: [9_900, 9_960, 9_940, 9_900], 2: [9_950, 9_900, 9_920, 9_930]})
    assert calibration.levels(RULES) == [0.9940, 0.9920]
    assert calibration.in_words(RULES) == "held 99.40 99.20; mean 99.30 %, spread 0.14 points, n = 2"


@given(LEVELS, st.floats(0.98, 1), st.floats(0.98, 1))
def test_a_higher_limit_is_never_easier_to_hold(levels, one, other):
    assert 0 <= chance(levels, max(one, other)) <= chance(levels, min(one, other)) <= 1


def test_half_of_the_runs_hold_the_mean_and_few_agreeing_runs_are_not_believed_to_have_no_spread():
    assert chance([0.9920, 0.9930], 0.9925) == pytest.approx(0.5)
    assert 0.9 < chance([0.9920] * 3, 0.9910) < 0.99


def test_what_is_kept_is_read_again(tmp_path):
    kept = Calibration({"spec": "a1", "torch": "2"}, "x86_64", 7_758, {2: [9_800, 9_900], 1: [9_700]})
    save(tmp_path / "lesson.json", kept)
    assert load(tmp_path / "lesson.json") == kept


def test_finished_runs_are_not_trained_again_until_the_recipe_changes(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(calibrate, "path_of", lambda lesson: tmp_path / f"{lesson}.json")
    monkeypatch.setattr(
        calibrate, "correct_by_epoch", lambda spec, seed, threads: trained.append(seed) or [9_950, 9_950]
    )

    def run(*arguments):
        done = CliRunner().invoke(calibrate.calibrate, ["challenge", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "held 99.50 99.50; mean 99.50 %, spread 0.00 points, n = 2" in run("--seeds", "2")
    assert "n = 3" in run()
    assert trained == [1, 2, 3]
    monkeypatch.setattr(calibrate, "made_with", lambda spec, threads: {"spec": "another"})
    run()
    assert trained == [1, 2, 3, 1, 2, 3]
