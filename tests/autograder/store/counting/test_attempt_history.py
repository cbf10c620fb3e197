"""The history of an attempt: every verdict with what it rests on, and a sentence for each record that was changed."""

from dataclasses import replace

import pytest

from autograder.store import Store
from autograder.store.counting.regrades import Replacement
from autograder.store.results import new_verdict
from course.rules import load_rules
from tests.support.stores import EPOCHS, NOON, execute, hand_in, result_of, store_run

RULES = load_rules("challenge")


@pytest.fixture
def attempt(store: Store, key, spec) -> int:
    """A failed attempt of ada's that rests on one run."""
    return hand_in(store, "ada", verdict="fail", run_ids=[store_run(store, key, spec)])


def regrade_to_pass(store: Store, attempt: int) -> int:
    before = store.results.graded_attempt(attempt)
    made = new_verdict(attempt, result_of("pass"), replace(RULES, accuracy=0.9), (), options="", reason="it is enough")
    return store.regrades.apply([Replacement(before.verdict_id, made)], reason="it is enough").number


def test_it_has_the_attempt_its_source_the_verdict_and_every_epoch_of_its_runs(store, attempt, key, spec):
    history = store.attempt_histories.of(attempt)
    assert (history.handed_in_as, history.assignment, history.file) == ("ada", "challenge", "x.py")
    assert history.handed_in == NOON and history.source == f"recipe = {'a' * 64!r}"
    assert history.verdict.verdict == "fail" and history.verdict.rules["accuracy"] == RULES.accuracy
    (run,) = history.verdict.runs
    assert run.key == key and run.record.epochs == tuple(EPOCHS) and run.record.device_name == "a processor"
    assert run.versions["torch"] and len(run.trained_by) == 3 and run.finished >= run.started
    # submission, attempt, source, verdict, its use of the run, the run, three epochs
    assert (history.records, history.problems) == (9, ())


def test_a_regrade_is_the_verdict_while_it_is_in_force_and_stays_in_the_list_when_it_was_taken_back(store, attempt):
    number = regrade_to_pass(store, attempt)
    history = store.attempt_histories.of(attempt)
    assert history.verdict.verdict == "pass" and history.verdict.regrade.number == number
    store.regrades.undo(number, reason="it was not")
    history = store.attempt_histories.of(attempt)
    assert [(v.verdict, v.is_in_force) for v in history.verdicts] == [("fail", True), ("pass", False)]
    assert history.verdict.verdict == "fail" and history.verdicts[1].reason == "it is enough"


def test_an_attempt_without_a_verdict_has_none(store):
    attempt = store.results.record_attempt("ada", "challenge", "x.py", "b" * 64, NOON)
    history = store.attempt_histories.of(attempt)
    assert history.verdict is None and history.verdicts == () and history.source == ""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE epochs SET correct = 499 WHERE epoch = 2", "The record epochs 1/2 in the store is not what"),
        ("UPDATE sources SET text = 'other'", f"The record sources {'a' * 64} in the store is not what"),
        ("UPDATE verdicts SET reasons = '[\"Lucky.\"]'", "The record verdicts 1 in the store is not what"),
        ("DELETE FROM epochs WHERE epoch = 2", "An epoch of run 1 is missing in the store."),
    ],
)
def test_a_record_that_was_changed_is_shown_and_named(store, attempt, change, problem):
    execute(store, change)
    history = store.attempt_histories.of(attempt)
    (found,) = history.problems
    assert found.startswith(problem)
    assert history.verdict.verdict == "fail" and len(history.verdict.runs) == 1


def test_a_count_that_cannot_be_read_is_named_and_left_out(store, attempt):
    execute(store, """UPDATE verdicts SET inspection = '{"parts": 7}'""")
    history = store.attempt_histories.of(attempt)
    assert history.verdict.inspection is None
    assert any("The count in verdicts 1 cannot be read" in problem for problem in history.problems)
