"""The trained cell: what is trained, how its settings are read, and what it shows."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from autograder.cli.options import TRAINING_OPTIONS
from autograder.console import student_name
from autograder.grading.options import Options
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.nbgrader_plugins import trained_score as module
from autograder.nbgrader_plugins.trained_score import TrainedScore
from autograder.store import open_store
from autograder.store.records import Result, RunRecord
from course.errors import StudentCodeError
from course.rules import load_rules
from course.training.results import EpochResult
from tests.support.stores import NOON, hand_in, result_of

REDUCED = {"epochs": 1, "train_images": 600, "test_images": 500, "accuracy": 0.5}

CONFIG = Path(__file__).parents[3] / "nbgrader_config.py"


def trained_score(**settings):
    return TrainedScore(config=Config(TrainedScore=settings))


def nbgrader_runs_it(monkeypatch, *, force):
    converter = SimpleNamespace(force=force, coursedir=SimpleNamespace(groupshared=False, root="."))
    monkeypatch.setattr(TrainedScore, "_converter", converter)


@pytest.mark.parametrize("option", TRAINING_OPTIONS)
def test_each_option_of_the_command_is_a_setting_that_the_configuration_explains(option):
    assert option in TrainedScore.class_trait_names(config=True)
    assert f"c.TrainedScore.{option} = " in CONFIG.read_text()


def test_the_settings_are_the_options_of_the_grading():
    settings = trained_score(device="cpu", seeds=2, max_minutes=7.5, trust_submissions=True)
    assert settings.options("challenge") == Options(
        "challenge", device="cpu", seeds=2, max_minutes=7.5, trust_submissions=True
    )


def test_an_assignment_without_a_recipe_is_left_alone():
    notebook = new_notebook(cells=[new_code_cell("1")])
    assert TrainedScore().preprocess(notebook, {})[0].cells[0].source == "1"


def test_the_old_name_of_a_setting_counts_and_the_new_one_comes_first():
    assert trained_score(cut=REDUCED).reduced == REDUCED
    assert trained_score(cut=REDUCED, reduced={"epochs": 2}).reduced == {"epochs": 2}


@pytest.mark.parametrize(
    ("correct", "score"), [([251, 260], "10.0"), ([240, 249], "0.0")], ids=["held in the reduced run", "not held"]
)
def test_the_cell_gets_report_curve_and_score_by_the_rules_of_the_reduced_run(correct, score):
    epochs = tuple(EpochResult(i, 0.1, 0.1, 500, 600, 0.1, count, 500) for i, count in enumerate(correct, start=1))
    runs = (RunRecord(1, "cpu", "a processor", 1, epochs, 1.0),)
    verdict = "pass" if min(correct) >= 250 else "fail"
    result = Result("challenge.ipynb", "challenge", verdict, ("Run 1: a reason.",), official=False, runs=runs)
    plugin = trained_score(partial_credit=0.5, partial_from=0.5, reduced=REDUCED)
    report, curve, number = plugin._outputs("ada", result, points=10.0)
    assert "Not official" in report.data["text/html"] and report.data["text/plain"].endswith("- Run 1: a reason.")
    assert set(curve.data) == {"image/png"}
    assert (number.output_type, number.data) == ("execute_result", {"text/plain": score})


@pytest.mark.parametrize(
    ("rule", "hours", "verdict", "note"),
    [
        ("last", 1, "fail", "Because."),
        ("best", 1, "pass", "Your best attempt counts: number 1 of 2, handed in 2026-03-01 12:00 UTC."),
        ("last", -1, "pass", "Your last attempt counts: number 2 of 2, handed in 2026-03-01 12:00 UTC."),
    ],
)
@pytest.mark.parametrize("student", ["ada", "rene\u0301"])  # the latter is ren\u00e9 in the store
def test_the_attempt_that_counts_is_the_one_in_the_gradebook_too(
    tmp_path, monkeypatch, rule, hours, verdict, note, student
):
    """One attempt passed; the file that is graded now, handed in `hours` later, did not."""
    rules = replace(load_rules("challenge"), attempts=rule)
    monkeypatch.setattr(module, "load_rules", lambda name: rules)
    nbgrader_runs_it(monkeypatch, force=False)
    monkeypatch.setattr(TrainedScore, "_submitted_notebook", lambda self, names: tmp_path / "challenge.ipynb")
    (tmp_path / "challenge.ipynb").write_text("{}")
    url = str(tmp_path / "results.db")
    with open_store(url) as store:
        hand_in(store, student_name(student), "a" * 64, verdict="pass")
        hand_in(store, "ben", "c" * 64, verdict="pass")

    def grade(*args, store, student, **others):
        hand_in(store, student_name(student), "b" * 64, NOON + dt.timedelta(hours=hours), verdict="fail")
        return result_of("fail")

    monkeypatch.setattr(module, "grade", grade)
    result = trained_score(store=url)._grade({"student": student}, Options(trust_submissions=True))
    assert (result.verdict, result.reasons[0]) == (verdict, note)
    with open_store(url) as store:
        counting = {attempt.student: attempt for attempt in store.results.counting_attempts("challenge", rule)}
        assert counting[student_name(student)].result.verdict == verdict  # what the leaderboard shows


@pytest.mark.parametrize("force", [False, True])
def test_a_verdict_of_the_store_is_taken_unless_force_asks_for_another_look(tmp_path, monkeypatch, caplog, force):
    nbgrader_runs_it(monkeypatch, force=force)
    path = tmp_path / "challenge.py"
    path.write_text("raise ValueError('soon')")
    monkeypatch.setattr(TrainedScore, "_submitted_notebook", lambda self, names: path)
    plugin, names = trained_score(store=str(tmp_path / "results.db")), {"student": "ada"}
    first = plugin._grade(names, plugin.options("challenge"))
    assert first.verdict == "error" and "ValueError: soon" in first.reasons[0]

    def capture(self, source, *_, **__):
        raise StudentCodeError("captured again")

    monkeypatch.setattr(RecipeSandbox, "capture", capture)
    second = plugin._grade(names, plugin.options("challenge"))
    assert second.reasons[0] == ("captured again" if force else first.reasons[0])
