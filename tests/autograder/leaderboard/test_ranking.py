"""Rows of the table: what they say, and who is before whom."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.leaderboard.pages.render import RowRenderer, describe_progress
from autograder.leaderboard.ranking import VERDICTS, median_run, ranked, student_row
from autograder.leaderboard.settings import CRITERIA
from autograder.store import AttemptInProgress, RunSummary
from tests.support.rows import DEFAULT_ORDER, make_attempt, make_row, names

ROWS = st.lists(
    st.builds(
        make_row,
        name=st.text("abc", min_size=1, max_size=3),
        verdict=st.sampled_from(VERDICTS),
        counted=st.integers(7_000, 7_003),
        correct=st.lists(st.integers(9_930, 9_950), max_size=4),
        minutes=st.integers(0, 3),
        baseline=st.booleans(),
        official=st.booleans(),
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    "first, second",
    [
        (make_row("b"), make_row("a", verdict="borderline")),
        (make_row("b", verdict="borderline", counted=7_999), make_row("a", verdict="fail", counted=10)),
        (make_row("b", counted=7_000), make_row("a", counted=7_001, correct=[9_990] * 5)),
        (make_row("b", correct=[9_940] * 3), make_row("a", correct=[9_900, 9_999, 9_999])),
        (make_row("b", correct=[9_940] * 2, minutes=9), make_row("a", correct=[9_900, 9_940, 9_940])),
        (make_row("b", minutes=1), make_row("a", minutes=2)),
        (make_row("b", verdict="fail", counted=9_000), make_row("a", verdict="pass", official=False)),
    ],
    ids="verdict borderline parameters streak epochs earlier official".split(),
)
def test_what_counts_and_after_it_what(first, second):
    assert names(ranked([second, first], DEFAULT_ORDER)) == ["b", "a"]


@given(ROWS, st.permutations(CRITERIA), st.randoms())
def test_the_order_does_not_depend_on_how_rows_come_and_nobody_is_lost(rows, order, draw):
    once = ranked(rows, order)
    draw.shuffle(rows)
    again = ranked(rows, order)
    assert [(r.rank, r.ties, bool(r.correct)) for r in again] == [(r.rank, r.ties, bool(r.correct)) for r in once]
    assert sorted(names(once)) == sorted(names(rows))


@given(ROWS, st.permutations(CRITERIA))
def test_what_has_no_result_stands_last_and_takes_no_rank_nor_does_a_baseline(rows, order):
    found = ranked(rows, order)
    assert [bool(r.correct) for r in found] == sorted((bool(r.correct) for r in found), reverse=True)
    assert all((r.rank is None) == (r.baseline or not r.correct) for r in found)
    taken = [r.rank for r in found if r.rank is not None]
    assert taken == sorted(taken) and all(taken.count(r.rank) == r.ties for r in found if r.rank is not None)
    assert all(rank == 1 + sum(other < rank for other in taken) for rank in taken)


def test_ties_share_a_rank_and_say_so():
    found = ranked([make_row("b"), make_row("a"), make_row("c", minutes=5)], DEFAULT_ORDER)
    assert [(r.name, r.rank, r.ties) for r in found] == [("a", 1, 2), ("b", 1, 2), ("c", 3, 1)]
    assert "2 share this rank" in RowRenderer()(found[0]) and "share" not in RowRenderer()(found[2])


@given(st.permutations([make_row("a"), make_row("b"), make_row("a", baseline=True), make_row("c", minutes=5)]))
def test_a_baseline_stands_after_the_students_who_equal_it(rows):
    found = ranked(rows, DEFAULT_ORDER)
    assert [(r.name, r.baseline, r.rank, r.ties) for r in found] == [
        ("a", False, 1, 2),
        ("b", False, 1, 2),
        ("a", True, None, 1),
        ("c", False, 3, 1),
    ]


def test_of_several_seeds_the_one_in_the_middle_is_shown():
    runs = make_attempt(correct=((9_990, 9_990), (9_900, 9_900), (9_945, 9_946))).runs
    assert median_run(runs, 2).seed == 3
    assert median_run(runs[:2], 2).seed == 2
    shown = student_row("s1", [make_attempt(correct=((9_990, 9_990), (9_900, 9_900), (9_945, 9_946)))], {})
    assert (shown.passed, shown.seeds, shown.level, shown.streak.lowest) == (2, 3, 9_945, 9_945)


@pytest.mark.parametrize(
    "in_progress, words",
    [
        ({}, "waiting"),
        ({2: AttemptInProgress(2, 6, 15)}, "training (epoch 7 of 15)"),
        ({2: AttemptInProgress(2, 15, 15)}, "training (epoch 15 of 15)"),
        ({2: AttemptInProgress(2, fault="The scorer died.")}, "ours to fix"),
    ],
)
def test_a_newer_attempt_is_told_beside_the_result_that_still_counts(in_progress, words):
    found = student_row("s1", [make_attempt(1), make_attempt(2, "", ())], in_progress)
    assert describe_progress(found.in_progress) == words and words in RowRenderer()(found)
    assert (found.verdict, found.number, found.attempts) == ("pass", 1, 2)
    assert describe_progress(student_row("s1", [make_attempt(1), make_attempt(2)], {}).in_progress) == ""


def test_an_attempt_that_is_graded_again_says_so_beside_its_verdict():
    found = student_row("s1", [make_attempt(1)], {1: AttemptInProgress(1, 2, 15)})
    assert (found.verdict, describe_progress(found.in_progress)) == ("pass", "training (epoch 3 of 15)")


def test_a_run_that_broke_off_held_nothing_whatever_its_epochs_were():
    broken = replace(
        make_attempt(1, "fail"), runs=(RunSummary(1, 1, "cpu", 9.0, (9_950, 9_950), 10_000, "It diverged."),)
    )
    found = student_row("s1", [broken], {})
    assert (found.passed, found.seeds, found.level, found.streak) == (0, 1, 0, None)
    assert found.correct == (9_950, 9_950)  # which the curve shows


def test_the_attempt_that_counts_is_the_last_or_the_best_as_the_rule_says():
    attempts = [make_attempt(1), make_attempt(2, "fail", [(9_900, 9_900)])]
    last, best = (student_row("s1", attempts, {}, rule) for rule in ("last", "best"))
    assert (last.verdict, last.number, last.attempt_id) == ("fail", 2, 2)
    assert (best.verdict, best.number, best.attempt_id) == ("pass", 1, 1)
