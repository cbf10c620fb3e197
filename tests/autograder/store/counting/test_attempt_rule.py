"""Which attempt counts: the same decision for the gradebook and for the leaderboard."""

from dataclasses import replace

import pytest

from autograder.store import AttemptSummary, GradedAttempt, RunSummary, counting_attempt
from autograder.store.counting.attempt_rule import attempt_quality
from autograder.store.records import Result, RunRecord
from course.training.results import EpochResult
from tests.support.stores import NOON

BEST_FIRST = [
    ("pass", [(9_960, 9_960)], ""),
    ("pass", [(9_945, 9_945)], ""),
    ("borderline", [(9_990, 9_990)], ""),
    ("fail", [(9_900, 9_930)], ""),
    ("fail", [(9_950, 9_890, 9_890)], ""),  # held for two epochs, not reached once
    ("fail", [(9_999, 9_999)], "It diverged."),  # a run that broke off held nothing
    ("refused", [], ""),
]


def summary(number: int, verdict: str, runs, ended: str = "") -> AttemptSummary:
    shown = tuple(RunSummary(n, n, "cpu", 1.0, correct, 10_000, ended) for n, correct in enumerate(runs))
    return AttemptSummary(number, "ada", "challenge", NOON, "a" * 64, verdict, runs=shown)


def graded(number: int, verdict: str, runs, ended: str = "") -> GradedAttempt:
    records = tuple(
        RunRecord(
            n,
            "cpu",
            "",
            1,
            tuple(EpochResult(e, 0.1, 0.1, 1, 2, 0.1, c, 10_000) for e, c in enumerate(correct, start=1)),
            1.0,
            ended,
        )
        for n, correct in enumerate(runs)
    )
    result = Result("x.py", "challenge", verdict, (), runs=records)
    return GradedAttempt("ada", "challenge", number, 9, NOON, NOON, None, "", result)


def test_what_is_not_official_is_no_better_than_anything_that_is():
    official, reduced = summary(1, "refused", []), replace(summary(2, "pass", [(9_960, 9_960)]), official=False)
    assert counting_attempt([official, reduced], "best") is official
    assert counting_attempt([official, reduced], "last") is reduced


@pytest.mark.parametrize("kind", [summary, graded])
def test_the_verdict_decides_and_then_the_accuracy_that_was_held(kind):
    attempts = [kind(n, *attempt) for n, attempt in enumerate(BEST_FIRST)]
    qualities = [attempt.quality for attempt in attempts]
    assert qualities == sorted(set(qualities), reverse=True)
    assert counting_attempt(attempts[::-1], "best") is attempts[0]


def test_the_gradebook_and_the_leaderboard_compare_by_the_same_quality():
    for number, attempt in enumerate(BEST_FIRST):
        assert summary(number, *attempt).quality == graded(number, *attempt).quality


@pytest.mark.parametrize("kind", [summary, graded])
def test_the_last_attempt_counts_or_the_best_and_of_equally_good_ones_the_earlier(kind):
    equal = [(9_945, 9_945)]
    attempts = [kind(1, "fail", []), kind(2, "pass", equal), kind(3, "pass", equal), kind(4, "fail", [])]
    assert counting_attempt(attempts, "last") is attempts[3]
    assert counting_attempt(attempts, "best") is attempts[1]


def test_runs_count_by_their_mean_whatever_the_number_of_test_images():
    assert attempt_quality("fail", [([900, 900], 1_000), ([8_000, 8_000], 10_000)]) == (1, pytest.approx(0.85))
    assert attempt_quality("fail", [([900, 900], 1_000), ([], 10_000)]) == (1, 0.45)
    assert attempt_quality("error", []) == (0, 0.0)
