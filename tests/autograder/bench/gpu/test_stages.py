"""What is measured is kept at once, an error does not stop what follows, and a call that was cut off is taken up."""

import json

import pytest

from autograder.bench.gpu.setting import FULL, Setting
from autograder.bench.gpu.stages import OutOfTime, Stage, describe, run_stages, table


@pytest.fixture
def run(setting, tmp_path):
    """Runs stages of these tasks, each stage a dict of name -> function, and returns what was shown."""

    def run(*stages, seconds=60.0, setting=setting):
        shown = []
        made = [Stage(f"s{n}", "what?", 1, lambda _, s=s: list(s.items())) for n, s in enumerate(stages)]
        run_stages(made, setting, tmp_path, seconds, shown.append)
        return shown, table(made, tmp_path)

    return run


def kept(folder, number=0):
    return json.loads((folder / f"s{number}.json").read_text())


def test_each_result_is_in_the_file_before_the_next_is_measured(run, tmp_path):
    seen = []
    run({"first": lambda: {"x": 1}, "second": lambda: seen.append(kept(tmp_path)) or {"x": 2}})
    assert seen == [{"first": {"x": 1}}]
    assert kept(tmp_path) == {"first": {"x": 1}, "second": {"x": 2}}


def test_an_error_is_kept_with_its_traceback_and_what_follows_is_measured(run, tmp_path):
    shown, _ = run({"bad": lambda: 1 / 0, "good": lambda: {"x": 1}}, {"later": lambda: {"x": 2}})
    assert "test_stages.py" in kept(tmp_path)["bad"]["error"]
    assert "  bad: ERROR ZeroDivisionError: division by zero" in shown
    assert kept(tmp_path)["good"] == {"x": 1} and kept(tmp_path, 1)["later"] == {"x": 2}


def test_a_stage_that_cannot_say_what_to_measure_stops_no_other(setting, tmp_path):
    stages = [Stage("s0", "what?", 1, lambda _: 1 / 0), Stage("s1", "what?", 1, lambda _: [("x", lambda: {"x": 1})])]
    run_stages(stages, setting, tmp_path, 60, print)
    assert "ZeroDivisionError" in kept(tmp_path)["what to measure"]["error"]
    assert kept(tmp_path, 1) == {"x": {"x": 1}}


def test_the_same_call_measures_what_is_missing_and_what_failed(run, tmp_path):
    measured = []

    def good():
        measured.append("good")
        return {"x": 1}

    run({"good": good, "bad": lambda: 1 / 0})
    run({"good": good, "bad": lambda: {"x": 2}, "new": lambda: {"x": 3}})
    assert measured == ["good"]
    assert kept(tmp_path) == {"good": {"x": 1}, "bad": {"x": 2}, "new": {"x": 3}}


def test_out_of_time_the_first_of_each_stage_is_measured_and_the_rest_named(run):
    stage = {"first": lambda: {"x": 1}, "second": lambda: {"x": 2}}
    shown, known = run(stage, stage, seconds=0)
    assert shown.count("  second: not measured the time was over") == 2
    assert known.count("first  x 1") == 2 and "second" not in known


def test_a_task_that_ends_for_time_leaves_no_result(run, tmp_path):
    def late():
        raise OutOfTime("in epoch 3")

    shown, _ = run({"late": late})
    assert "  late: not measured the time was over in epoch 3" in shown
    assert not (tmp_path / "s0.json").exists()


def test_a_stage_gets_its_share_of_what_is_left_and_in_a_trial_the_first_task_is_run_to_its_end(run, setting):
    left = []
    look = {
        "first": lambda: left.append(setting.seconds_left) or {},
        "second": lambda: left.append(setting.seconds_left) or {},
    }
    run(look, look, seconds=100)
    assert left[0] == left[2] == float("inf") and 40 < left[1] <= 50 and 90 < left[3] <= 100
    full = Setting(setting.device, setting.course, FULL)
    run({"new": lambda: left.append(full.seconds_left) or {}}, seconds=100, setting=full)
    assert 90 < left[-1] <= 100


@pytest.mark.parametrize(
    ("results", "line"),
    [
        ({"x": 0.00012345, "n": 3, "why": "", "list": [1.23456, "a"]}, "x 0.0001234, n 3, list 1.235 a"),
        ({"s": {"median": 2.0, "min": 1.0, "max": 3.0, "n": 5}}, "s 2 (1 to 3, n 5)"),
        ({"error": "Traceback\n  x\nValueError: no"}, "ERROR ValueError: no"),
    ],
)
def test_a_result_is_one_line(results, line):
    assert describe(results) == line
