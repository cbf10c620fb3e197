"""Databases of earlier versions are read, verified and continued.

`store_of_0_1.sql` is a class that version 0.1.0 graded under the secret `a-secret-for-the-tests`, each recipe trained
for 2 epochs of 2,000 images: five students, of whom one handed in twice and one was regraded.
"""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select

from autograder.store import Claim, RunFinished, RunKey, open_store
from autograder.store.models import StoredRun, StoredSpec
from autograder.store.secret import SECRET_VARIABLE
from course.errors import UsageError
from course.spec import Spec
from tests.support.stores import NOON, execute, hand_in

DUMP = Path(__file__).parent / "store_of_0_1.sql"
END = "531be3c4b7211a3bcb2c9a9ede5ad8de0b8b94e597040613a7d16374783049c1"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv(SECRET_VARIABLE, "a-secret-for-the-tests")
    path = tmp_path / "results.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    connection.close()
    return str(path)


@pytest.fixture
def old_store(file):
    with open_store(file) as opened:
        yield opened


def key_and_spec(store, run_id: int) -> tuple[RunKey, Spec]:
    def read(session):
        run = session.get_one(StoredRun, run_id)
        key = RunKey(run.spec_hash, run.seed, run.device, run.threads, run.trainer, run.reduced)
        return key, session.scalars(select(StoredSpec.text).filter_by(hash=run.spec_hash)).one()

    key, text = store._database.read(read)
    return key, Spec.from_json(text)


def test_every_record_is_as_it_was_written_and_the_end_is_the_one_noted_then(old_store):
    assert list(old_store.verify(END)) == []
    assert old_store.chain_end() == (47, END)


def test_the_verdicts_are_found(old_store):
    attempts = old_store.results.graded_attempts("challenge")
    assert [(a.student, a.number, a.result.verdict, len(a.result.runs)) for a in attempts] == [
        ("ada", 1, "fail", 1),
        ("ben", 1, "fail", 1),
        ("ben", 2, "fail", 1),
        ("dora", 1, "refused", 0),
        ("eli", 1, "error", 0),
        ("hal", 1, "fail", 1),
    ]
    run = old_store.results.latest("ada", "challenge").result.runs[0]
    assert [epoch.correct for epoch in run.epochs] == [847, 885]
    _, summaries = old_store.overview.since()
    assert sorted((s.student, s.verdict) for s in summaries) == sorted((a.student, a.result.verdict) for a in attempts)
    assert old_store.overview.source(1).startswith("\nfrom functools import partial")


def test_a_recipe_that_was_trained_then_is_answered_without_training(old_store):
    key, spec = key_and_spec(old_store, 1)
    assert spec.hash == key.spec_hash
    taken = old_store.claims.take(key, spec)
    assert isinstance(taken, RunFinished) and [epoch.correct for epoch in taken.record.epochs] == [463, 674]


def test_it_is_continued(old_store):
    hand_in(old_store, "zoe", at=NOON)
    key, spec = key_and_spec(old_store, 1)
    another = RunKey(**{**key.to_dict(), "seed": 1})
    with old_store.claims.take(another, spec) as claim:
        assert isinstance(claim, Claim)
    assert old_store.results.latest("zoe", "challenge").result.verdict == "pass"
    assert list(old_store.verify(END)) == [] and old_store.chain_end()[0] > 47


def test_tampering_with_what_was_written_then_is_still_found(old_store):
    execute(old_store, "UPDATE runs SET again = 1 WHERE id = 1")
    assert list(old_store.verify()) == ["runs 1 was edited after it was written."]


def test_another_secret_does_not_open_it(file, monkeypatch):
    monkeypatch.setenv(SECRET_VARIABLE, "another")
    with pytest.raises(UsageError, match="another course secret"):
        open_store(file)
