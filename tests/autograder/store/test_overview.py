"""What the leaderboard reads: everything once, then only what has come since."""

from datetime import timedelta

import pytest

from autograder.store import AttemptInProgress, Cursor
from course.errors import GraderError
from course.rules import load_rules
from tests.support.stores import EPOCHS, NOON, execute, hand_in, record_of, result_of, store_run

ONE_HOUR = timedelta(hours=1)


def waiting(store, student="ada") -> int:
    return store.results.record_attempt(student, "challenge", "x.py", "b" * 64, NOON, "recipe = 1")


def test_everything_is_told_once(store, key, spec):
    run = store_run(store, key, spec)
    first, second = hand_in(store, "ada", run_ids=[run]), waiting(store, "bob")
    mark, seen = store.overview.since()
    assert [(s.attempt_id, s.student, s.verdict) for s in seen] == [(first, "ada", "pass"), (second, "bob", "")]
    (trained,) = seen[0].runs
    assert (trained.id, trained.correct, trained.total) == (run, tuple(e.correct for e in EPOCHS), 500)
    assert seen[0].handed_in == NOON and seen[0].reasons == ("Because.",)
    assert store.overview.since(mark) == (mark, [])


def test_a_new_attempt_and_a_new_verdict_are_told_alone(store):
    hand_in(store, "ada")
    attempt = waiting(store, "bob")
    mark, _ = store.overview.since()
    store.results.record_verdict(attempt, result_of("fail"), load_rules("challenge"), ())
    mark, seen = store.overview.since(mark)
    assert [(s.student, s.verdict) for s in seen] == [("bob", "fail")]
    hand_in(store, "cyd", source_hash="c" * 64, at=NOON + ONE_HOUR)
    assert [s.student for s in store.overview.since(mark)[1]] == ["cyd"]
    assert len(store.overview.since(Cursor())[1]) == 3


def test_an_attempt_waits_trains_epoch_by_epoch_and_is_done(store, key, spec):
    attempt = waiting(store)
    assert store.overview.in_progress() == []
    with store.claims.take(key, spec) as claim:
        store.results.mark_training(attempt, claim.run_id, 15)
        assert store.overview.in_progress() == [AttemptInProgress(attempt, 0, 15)]
        claim.save(EPOCHS[0], b"state")
        assert store.overview.in_progress() == [AttemptInProgress(attempt, 1, 15)]
        claim.finish(record_of(EPOCHS[:1]))
    store.results.record_verdict(attempt, result_of(), load_rules("challenge"), [claim.run_id])
    assert store.overview.in_progress() == []


def test_a_run_that_nobody_trains_any_more_is_waiting_again(store, key, spec):
    attempt = waiting(store)
    with pytest.raises(RuntimeError), store.claims.take(key, spec) as claim:
        store.results.mark_training(attempt, claim.run_id, 15)
        raise RuntimeError
    assert store.overview.in_progress() == []


def test_a_fault_of_ours_is_told_until_the_attempt_is_taken_up_again(store, key, spec):
    attempt = waiting(store)
    store.results.mark_internal_error(attempt, "The disk is full.")
    assert store.overview.in_progress() == [AttemptInProgress(attempt, fault="The disk is full.")]
    with store.claims.take(key, spec) as claim:
        store.results.mark_training(attempt, claim.run_id, 3)
        assert store.overview.in_progress() == [AttemptInProgress(attempt, 0, 3)]


@pytest.mark.parametrize("table, column", [("sources", "text = 'innocent'"), ("mistakes", "wrong = '[]'")])
def test_what_was_edited_is_not_shown(store, key, spec, table, column):
    run = store_run(store, key, spec)
    attempt = hand_in(store, "ada", run_ids=[run])
    assert store.overview.misclassified(run) == [(3, 8), (17, 1)] and store.overview.source(attempt)
    execute(store, f"UPDATE {table} SET {column}")
    with pytest.raises(GraderError, match="autograder verify"):
        store.overview.source(attempt) if table == "sources" else store.overview.misclassified(run)
