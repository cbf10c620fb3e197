"""Regrades: new verdicts for many attempts are one record, and another one gives every attempt its verdict back."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.store import Store, open_store
from autograder.store.counting.regrades import Replacement
from autograder.store.results import new_verdict
from course.errors import GraderError, UsageError
from course.rules import load_rules
from tests.support.stores import NOON, execute, hand_in, result_of, store_run

RULES = load_rules("challenge")
LOWER = replace(RULES, accuracy=0.99)
STUDENTS = ("ada", "ben", "cyd")
sqlite_alone = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def regrade(store: Store, verdicts: dict[str, str], rules=LOWER, run_ids=()) -> int:
    """Apply a regrade: student -> the new verdict. Its number."""
    replacements = []
    for student, verdict in verdicts.items():
        before = store.results.latest(student, "challenge")
        made = new_verdict(before.attempt_id, result_of(verdict), rules, run_ids, options="", reason="so it is")
        replacements.append(Replacement(before.verdict_id, made))
    return store.regrades.apply(replacements, reason="so it is").number


def counting(store: Store) -> dict[str, str]:
    return {attempt.student: attempt.result.verdict for attempt in store.results.graded_attempts("challenge")}


def test_a_regrade_counts_everywhere_at_once_and_taking_it_back_restores_what_was(store, key, spec):
    run = store_run(store, key, spec)
    for student in STUDENTS:
        hand_in(store, student, verdict="fail", run_ids=[run])
    before, (cursor, shown) = store.results.graded_attempts(), store.overview.since()
    number = regrade(store, {"ada": "pass", "ben": "pass"}, run_ids=[run])
    assert counting(store) == {"ada": "pass", "ben": "pass", "cyd": "fail"}
    cursor, changed = store.overview.since(cursor)
    assert {a.student: a.verdict for a in changed} == counting(store)
    assert store.results.latest("ada", "challenge").rules["accuracy"] == 0.99
    store.regrades.undo(number, reason="it was not")
    assert store.results.graded_attempts() == before
    assert [replace(a, kept=()) for a in store.overview.since(cursor)[1]] == shown
    assert list(store.verify()) == []


def test_each_is_a_record_with_who_when_and_why_and_all_verdicts_are_kept(store):
    for student in STUDENTS:
        hand_in(store, student, verdict="fail")
    number = regrade(store, {"ada": "pass", "ben": "fail"})
    undo = store.regrades.undo(number, reason="a mistake")
    first, second = store.regrades.history().records
    assert (first.number, first.undoes, first.verdicts, first.reason) == (number, None, 2, "so it is")
    assert (second.number, second.undoes, second.reason) == (undo.number, number, "a mistake")
    assert "@" in first.changed_by and abs(first.changed_at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert [(c.student, c.before, c.after) for c in store.regrades.changes()] == [
        ("ada", "fail", "pass"),
        ("ben", "fail", "fail"),
    ]


def test_a_grading_that_says_what_the_regrade_says_adds_nothing_that_outlives_it(store):
    attempt = hand_in(store, "ada", verdict="fail")
    number = regrade(store, {"ada": "pass"})
    end = store.chain_end()
    store.results.record_verdict(attempt, result_of("pass"), LOWER, ())
    assert store.chain_end() == end
    store.regrades.undo(number, reason="x")
    assert counting(store) == {"ada": "fail"}


def test_a_verdict_from_before_is_kept_under_the_rules_of_the_regrade_that_was_taken_back(store):
    attempt = hand_in(store, "ada", verdict="fail")
    assert store.results.kept_verdict(attempt, LOWER, "") is None
    number = regrade(store, {"ada": "pass"})
    assert store.results.kept_verdict(attempt, LOWER, "") is None
    store.regrades.undo(number, reason="x")
    assert store.results.kept_verdict(attempt, LOWER, "").result.verdict == "fail"
    assert store.results.kept_verdict(attempt, replace(RULES, accuracy=0.98), "") is None
    assert store.results.kept_verdict(attempt, LOWER, "other options") is None
    (summary,) = store.overview.since()[1]
    assert [kept.regrade for kept in summary.kept] == [number]
    hand_in(store, "ada", verdict="error")  # graded since
    assert store.results.kept_verdict(attempt, LOWER, "") is None


def test_a_regrade_may_be_taken_back_in_any_order_and_an_undo_too(store):
    hand_in(store, "ada", verdict="fail")
    first, second = regrade(store, {"ada": "pass"}), regrade(store, {"ada": "borderline"})
    undo = store.regrades.undo(first, reason="x").number
    assert counting(store) == {"ada": "borderline"}
    store.regrades.undo(second, reason="x")
    assert counting(store) == {"ada": "fail"}
    again = store.regrades.undo(undo, reason="x").number
    assert counting(store) == {"ada": "pass"}
    for number, words in ((second, "taken back already"), (99, "no regrade 99"), (again, f"Take regrade {first} back")):
        with pytest.raises(UsageError, match=words):
            store.regrades.undo(number, reason="x")


@sqlite_alone
def test_what_was_graded_meanwhile_is_not_regraded_over(store):
    attempt, _ = hand_in(store, "ada", verdict="fail"), hand_in(store, "ben", verdict="fail")
    ada, ben = (store.results.latest(student, "challenge") for student in ("ada", "ben"))
    store.results.record_verdict(attempt, result_of("error"), RULES, ())
    made = [new_verdict(a.attempt_id, result_of(), LOWER, (), options="", reason="") for a in (ben, ada)]
    with pytest.raises(UsageError, match="Somebody graded meanwhile"):
        store.regrades.apply([Replacement(a.verdict_id, m) for a, m in zip((ben, ada), made, strict=True)], reason="x")
    assert counting(store) == {"ada": "error", "ben": "fail"} and store.regrades.history().records == ()


@pytest.mark.parametrize(
    ("statement", "told", "read"),
    [
        ("UPDATE regrades SET reason = 'y' WHERE id = 1", "regrades 1 was edited", "regrades 1 in the store is not"),
        ("UPDATE regraded_verdicts SET before_id = 2", "was edited", "regraded_verdicts 3 in the store is not"),
        ("DELETE FROM regraded_verdicts", "regraded_verdicts 3 was deleted", "has 0 of 1 verdicts"),
        ("DELETE FROM regrades WHERE id = 2", "regrades 2 was deleted", ""),
    ],
)
@sqlite_alone
def test_a_regrade_that_was_tampered_with_is_found_and_never_followed(store, statement, told, read):
    hand_in(store, "ada", verdict="fail"), hand_in(store, "ben", verdict="fail")
    store.regrades.undo(regrade(store, {"ada": "pass"}), reason="x")
    execute(store, statement)
    assert any(told in sentence for sentence in store.verify())
    if read:
        with pytest.raises(GraderError, match=read):
            store.results.graded_attempts("challenge")


VERDICTS = st.sampled_from(["pass", "borderline", "fail", "refused"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("regrade"), st.dictionaries(st.sampled_from(STUDENTS), VERDICTS, min_size=1)),
        st.tuples(st.just("grade"), st.sampled_from(STUDENTS), VERDICTS),
        st.tuples(st.just("undo"), st.integers(1, 8)),
    ),
    max_size=10,
)


@given(steps=STEPS, last=st.dictionaries(st.sampled_from(STUDENTS), VERDICTS, min_size=1))
@settings(max_examples=25)
def test_after_any_gradings_and_regrades_a_regrade_and_its_undo_leave_every_verdict_as_it_was(
    tmp_path_factory, steps, last
):
    with open_store(str(tmp_path_factory.mktemp("store") / "results.db")) as store:
        attempts = {student: hand_in(store, student, verdict="fail") for student in STUDENTS}
        for number, (kind, *what) in enumerate(steps):
            rules = replace(RULES, accuracy=0.9 + number / 1000)
            if kind == "regrade":
                regrade(store, what[0], rules)
            elif kind == "grade":
                store.results.record_verdict(attempts[what[0]], result_of(what[1]), rules, ())
            elif what[0] <= len(store.regrades.history().records):
                try_to_undo(store, what[0])
        before, (cursor, shown) = store.results.graded_attempts(), store.overview.since()
        undone = regrade(store, last)
        assert {student: counting(store)[student] for student in last} == last
        store.regrades.undo(undone, reason="x")
        assert store.results.graded_attempts() == before
        assert without_kept(store.overview.since(cursor)[1]) == without_kept(shown)
        assert list(store.verify()) == []


def try_to_undo(store: Store, number: int) -> None:
    """What is refused changes nothing."""
    history = store.regrades.history()
    if number in history.undone:
        with pytest.raises(UsageError):
            store.regrades.undo(number, reason="x")
        return
    try:
        store.regrades.undo(number, reason="x")
    except UsageError as error:
        assert "an undo of an undo" in str(error)


def without_kept(attempts):
    return sorted((replace(a, kept=()) for a in attempts), key=lambda a: a.attempt_id)


def test_two_attempts_of_a_student_are_regraded_each_for_itself(store):
    hand_in(store, "ada", "a" * 64, NOON, "fail")
    hand_in(store, "ada", "b" * 64, NOON + dt.timedelta(days=1), "fail")
    regrade(store, {"ada": "pass"})
    assert [a.result.verdict for a in store.results.graded_attempts("challenge", "ada")] == ["fail", "pass"]
