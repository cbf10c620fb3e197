"""One submission, end to end, in its four processes, on real digits (few of them)."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from autograder.grading.pipeline import SHORT_OF_SEEDS, inspect_only, judged
from course import data
from course.notebook import fit
from course.rules import Judgement, judging, load_rules
from course.training.scoring import Scorer
from tests.support.listeners import RecordingListener
from tests.support.processes import processes_of_session
from tests.support.recipes import REDUCED, TINY, TINY_COUNT, recipe_of
from tests.support.stores import result_of


@pytest.fixture
def few_digits(monkeypatch):
    """As many images as REDUCED asks for, also for a notebook."""
    whole = data.load()
    part = replace(
        whole,
        train=replace(whole.train, images=whole.train.images[:1000], labels=whole.train.labels[:1000]),
        test=replace(whole.test, images=whole.test.images[:500], labels=whole.test.labels[:500]),
    )
    monkeypatch.setattr(data, "load", lambda: part)
    return part


@pytest.mark.training
def test_a_verdict_comes_with_its_reasons_and_what_it_rests_on(tiny, grade):
    listener = RecordingListener()
    result = grade(tiny, REDUCED, listener)
    assert (result.verdict, result.official, result.counted) == ("fail", False, TINY_COUNT)
    assert "needed: 497 of 500" in result.reasons[0]
    told = result.to_dict()
    assert list(told)[:3] == ["verdict", "reasons", "counted"]
    run = told["runs"][0]
    assert run["device"] == "cpu" and isinstance(run["seed"], int)
    assert [epoch["epoch"] for epoch in run["epochs"]] == [1, 2, 3]
    assert all(0 <= epoch["correct"] <= 500 for epoch in run["epochs"])
    assert [h[0] for h in listener.calls if h[0] == "epoch"] == ["epoch"] * 3


def test_a_verdict_on_fewer_seeds_than_the_rules_ask_for_is_not_official():
    short = Judgement("pass", ("Run 1: held.",), seeds_disagree=False, needs_another_seed=False, short_of_seeds=True)
    result = judged(result_of("internal"), load_rules("challenge"), (), short)
    assert (result.verdict, result.official, result.reasons) == ("pass", False, ("Run 1: held.", SHORT_OF_SEEDS))
    assert judged(result_of("internal"), load_rules("challenge"), (), replace(short, short_of_seeds=False)).official


@pytest.mark.training
def test_the_grader_and_a_notebook_get_the_same_history_bit_for_bit(tiny, grade, few_digits):
    result = grade(tiny, REDUCED, RecordingListener())
    history = fit(recipe_of(TINY), seed=result.runs[0].seed, device="cpu")
    assert [asdict(e) for e in history.epochs] == [asdict(e) for e in result.runs[0].epochs]


@pytest.mark.training
def test_the_trained_model_of_a_notebook_gives_the_last_epochs_score(few_digits):
    history = fit(recipe_of(TINY), seed=3, device="cpu", epochs=2)
    images = (few_digits.test.images.float().div(255).sub(0.1307).div(0.3081)).unsqueeze(1)
    assert Scorer(few_digits.test.labels, "nll")(history.model(images).detach()).correct == history.correct[-1]
    assert len(history.epochs) == 2


def test_nothing_is_trained_while_nbgrader_runs_a_notebook(monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert fit(recipe_of(TINY)).epochs == ()
    assert "the grader trains" in capsys.readouterr().out


@pytest.mark.training
def test_a_first_epoch_that_is_too_good_is_told_to_the_teacher_beside_the_verdict(tiny, grade, monkeypatch):
    monkeypatch.setattr(judging, "FIRST_EPOCH_TEST", 0.0)
    result = grade(tiny, REDUCED, RecordingListener())
    assert result.verdict == "fail"
    assert result.reasons[0].startswith("Run 1: ") and result.reasons[1].startswith("For the teacher: run 1 had ")


def test_too_many_parameters_are_refused_with_the_number_and_the_limit(tmp_path, grade):
    path = tmp_path / "big.py"
    path.write_text(
        TINY.replace("nn.Conv2d(1, 4, 5, stride=3)", "nn.Conv2d(1, 4, 5, stride=3); self.more = nn.Linear(784, 11)")
    )
    result = grade(path, REDUCED, RecordingListener())
    assert result.verdict == "refused" and result.runs == ()
    assert f"parameters: {TINY_COUNT + 784 * 11 + 11:,} counted, fewer than 8,000 allowed" in result.reasons[0]


@pytest.mark.training
def test_a_diverged_run_is_reported_first_and_once_with_epoch_step_and_rate(tmp_path, grade):
    path = tmp_path / "hot.py"
    path.write_text(TINY.replace("lr=0.1", "lr=1e30"))
    result = grade(path, REDUCED, RecordingListener())
    assert result.verdict == "fail"
    assert result.reasons[0].startswith("Run 1: Training diverged in epoch 1, step ")
    assert "at learning rate 1e+30" in result.reasons[0]
    assert sum("diverged" in reason for reason in result.reasons) == 1


def test_an_error_of_the_students_code_names_the_line(tmp_path, recipe_sandbox):
    path = tmp_path / "broken.py"
    path.write_text("x = 1\ny = x / 0\n")
    result = inspect_only(path, REDUCED, RecordingListener(), recipe_sandbox)
    assert (result.verdict, result.reasons) == ("error", ("Line 2 (y = x / 0): ZeroDivisionError: division by zero",))


@pytest.mark.training
def test_a_grader_that_is_killed_leaves_no_worker_behind(tiny):
    grader = subprocess.Popen(
        [sys.executable, "-m", "autograder.cli.main", "grade", str(tiny), "--device", "cpu"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while b"training run" not in (line := grader.stderr.readline()):
            assert line, "the grader ended before it trained"
        os.kill(grader.pid, signal.SIGKILL)
        grader.wait()
        deadline = time.monotonic() + 30
        while left := processes_of_session(grader.pid):
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.1)
    finally:
        grader.stderr.close()
