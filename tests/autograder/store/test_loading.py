"""Graded attempts: numbered, whole, and read in as many queries whether they are few or many."""

from datetime import timedelta

from sqlalchemy import event

from tests.support.stores import EPOCHS, NOON, hand_in, record_of, store_run


def statements_of(store, action) -> int:
    """The number of SQL statements that `action` sends."""
    sent = []

    def note(connection, cursor, statement, *_):
        sent.append(statement)

    event.listen(store._database.engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        event.remove(store._database.engine, "before_cursor_execute", note)
    return len(sent)


def test_the_number_of_queries_does_not_grow_with_the_number_of_attempts(store, key, spec):
    run = store_run(store, key, spec)
    counts = []
    for students in (range(1), range(1, 12)):
        for student in students:
            for attempt in range(3):
                source = f"{student:032}{attempt:032}"
                hand_in(store, f"student{student}", source, NOON + timedelta(hours=attempt), run_ids=[run, run])
        counts.append(statements_of(store, lambda: store.results.graded_attempts("challenge")))
    assert len(store.results.graded_attempts("challenge")) == 36
    assert counts[0] == counts[1] < 20


def test_attempts_are_numbered_by_hand_in_and_those_without_a_verdict_are_counted(store, key, spec):
    run = store_run(store, key, spec)
    hand_in(store, "ada", "b" * 64, NOON + timedelta(hours=2), run_ids=[run])
    hand_in(store, "ada", "a" * 64, NOON)
    store.results.record_attempt("ada", "challenge", "x.py", "c" * 64, NOON + timedelta(hours=1))
    first, last = store.results.graded_attempts("challenge", "ada")
    assert [(a.number, a.attempts, a.handed_in) for a in (first, last)] == [
        (1, 3, NOON),
        (3, 3, NOON + timedelta(hours=2)),
    ]
    assert first.result.runs == () and last.result.runs == (record_of(EPOCHS),)
    assert store.results.graded_attempts("lesson1_baseline") == [] == store.results.graded_attempts(student="bob")


def test_a_result_is_read_with_its_runs_in_their_order(store, key, spec):
    from dataclasses import replace

    runs = [store_run(store, replace(key, seed=seed), spec, EPOCHS[:seed]) for seed in (3, 1, 2)]
    attempt = hand_in(store, "ada", run_ids=runs)
    graded = store.results.graded_attempt(attempt)
    assert [len(run.epochs) for run in graded.result.runs] == [3, 1, 2]
    assert graded.result.reasons == ("Because.",) and graded.result.isolation == "bubblewrap"
    assert store.results.graded_attempt(attempt + 1) is None
