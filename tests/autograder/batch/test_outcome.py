"""What a batch reports."""

from dataclasses import replace
from pathlib import Path

from autograder.batch import BatchSummary, Outcome, SubmissionFile
from tests.support.stores import result_of

ADA = SubmissionFile(Path("submitted/ada/challenge/x.py"), "ada", "challenge")


def test_an_outcome_has_the_best_epoch_of_all_runs():
    result = result_of("fail")
    result = replace(result, runs=(*result.runs, replace(result.runs[0], epochs=result.runs[0].epochs[:1])))
    outcome = Outcome.from_result(ADA, result, seconds=1.5)
    assert (outcome.student, outcome.file, outcome.verdict) == ("ada", "x.py", "fail")
    assert (outcome.best, outcome.total, outcome.runs, outcome.seconds) == (453, 500, 2, 1.5)


def test_an_outcome_without_a_run_has_no_best_epoch():
    outcome = Outcome.from_result(ADA, replace(result_of("refused"), runs=()), seconds=0.1)
    assert (outcome.best, outcome.total, outcome.runs) == (None, None, 0)


def test_an_internal_error_is_reported_with_its_reason():
    outcome = Outcome.internal_error(ADA, "The disk is full.")
    assert (outcome.student, outcome.verdict, outcome.reasons) == ("ada", "internal", ("The disk is full.",))


def test_a_summary_counts_verdicts_and_is_sorted_by_assignment_and_student():
    outcomes = [
        Outcome("cyd", "challenge", "c.py", "fail", ()),
        Outcome("bob", "challenge", "b.py", "pass", ()),
        Outcome("ada", "lesson1_baseline", "a.py", "fail", ()),
    ]
    summary = BatchSummary(outcomes, seconds=2.0)
    assert list(summary.verdicts.items()) == [("fail", 2), ("pass", 1)]
    assert [submission["student"] for submission in summary.to_dict()["submissions"]] == ["bob", "cyd", "ada"]
    assert summary.to_dict()["verdicts"] == {"fail": 2, "pass": 1} and summary.to_dict()["seconds"] == 2.0
