"""Tampering: whatever is edited, added, moved or deleted from outside is found, and nothing is answered from it."""

from dataclasses import replace

import pytest
from sqlalchemy import event, select

from autograder.store.chain import digest_of, key_of
from autograder.store.models import StoredEpoch, StoredRun
from course.errors import GraderError
from tests.support.stores import execute, hand_in, store_run

EDITS = {
    "an edited accuracy": "UPDATE epochs SET correct = 499 WHERE epoch = 3",
    "a verdict turned round": "UPDATE verdicts SET verdict = 'pass'",
    "an earlier time of hand-in": "UPDATE attempts SET handed_in = '2026-01-01 00:00:00.000000'",
    "another student's name": "UPDATE submissions SET student = 'eve' WHERE student = 'ada'",
    "a run from a better seed": "UPDATE runs SET seed = 8",
    "a deleted epoch": "DELETE FROM epochs WHERE epoch = 2",
    "an epoch and its link deleted": "DELETE FROM epochs WHERE epoch = 2; DELETE FROM chain WHERE name = 'epochs' "
    "AND key LIKE '%/2'",
    "epochs in another order": "UPDATE epochs SET epoch = epoch + 10; UPDATE epochs SET epoch = 14 - epoch",
    "links in another order": "UPDATE chain SET number = number + 100 WHERE number IN (4, 5); "
    "UPDATE chain SET number = 109 - number WHERE number > 100",
    "the last records cut off": "DELETE FROM verdict_runs; DELETE FROM chain WHERE number = (SELECT max(number) "
    "FROM chain)",
    "a seal that was made up": "UPDATE head SET seal = mac",
    "a recipe that was never handed in": "UPDATE sources SET text = 'recipe = None'",
    "mistakes made fewer": "UPDATE mistakes SET wrong = '[]'",
    "an epoch added by hand": "INSERT INTO epochs SELECT run_id, 4, learning_rate, train_loss, train_correct, "
    'train_total, test_loss, 499, test_total, "by", finished FROM epochs WHERE epoch = 3',
}


@pytest.fixture
def filled(store, key, spec):
    run = store_run(store, key, spec)
    hand_in(store, "ada", run_ids=[run], verdict="fail")
    assert list(store.verify()) == []
    return store


@pytest.mark.parametrize("edit", EDITS)
def test_tampering_is_found(filled, edit):
    for statement in EDITS[edit].split("; "):
        execute(filled, statement)
    assert list(filled.verify()) != []


@pytest.mark.parametrize("edit", ["an edited accuracy", "a deleted epoch", "a run from a better seed"])
def test_nothing_is_answered_from_a_record_that_was_edited(filled, key, spec, edit):
    for statement in EDITS[edit].split("; "):
        execute(filled, statement)
    asked = replace(key, seed=8) if "seed" in edit else key
    with pytest.raises(GraderError, match="autograder verify"):
        filled.claims.take(asked, spec)


def test_an_older_copy_in_the_stores_place_is_found_by_its_noted_end(filled, tmp_path):
    _, end = filled.chain_end()
    hand_in(filled, "bob")
    assert list(filled.verify(end)) == []
    assert "older copy" in " ".join(filled.verify("f" * 64))


@pytest.mark.parametrize(
    "edit",
    [
        "a verdict turned round",
        "an earlier time of hand-in",
        "another student's name",
        "an edited accuracy",
        "a run from a better seed",
    ],
)
def test_no_result_is_read_from_a_record_that_was_edited(filled, edit):
    execute(filled, EDITS[edit])
    with pytest.raises(GraderError, match="is not what was written"):
        filled.results.graded_attempts("challenge")


def test_a_verdict_that_is_pointed_at_another_run_is_not_answered(filled, key, spec):
    other = store_run(filled, replace(key, seed=8), spec)
    execute(filled, f"UPDATE verdict_runs SET run_id = {other}")
    with pytest.raises(GraderError, match="verdict_runs 1/1"):
        filled.results.latest("ada", "challenge")


def test_nothing_is_appended_to_a_chain_whose_end_was_changed(filled):
    execute(filled, EDITS["a seal that was made up"])
    with pytest.raises(GraderError, match="nothing is added"):
        hand_in(filled, "bob")


def test_what_may_change_is_no_part_of_a_digest_and_columns_count_by_their_names_in_the_database(filled):
    def read(session):
        run, epoch = session.scalars(select(StoredRun)).one(), session.get_one(StoredEpoch, (1, 3))
        before = digest_of(run)
        run.owner, run.heartbeat, run.claims = "another", 1.0, 9
        same = digest_of(run) == before
        run.repetition = 1
        return same, digest_of(run) != before, key_of(epoch)

    assert filled._database.read(lambda session: (read(session), session.rollback())[0]) == (True, True, "1/3")


def test_checking_more_rows_takes_no_more_queries(filled):
    statements = []
    event.listen(filled._database.engine, "before_cursor_execute", lambda *what: statements.append(what[2]))

    def check(session, count):
        rows = session.scalars(select(StoredEpoch).limit(count)).all()
        del statements[:]
        filled._database.chain.check(session, rows)
        return len(rows), len(statements)

    assert filled._database.read(lambda session: [check(session, n) for n in (1, 3)]) == [(1, 1), (3, 1)]
