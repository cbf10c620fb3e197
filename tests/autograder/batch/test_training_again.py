"""Attempts are trained from what the store has of them, and their verdicts are handed over without being recorded."""

import datetime as dt
import hashlib

import pytest

from autograder.batch.training_again import train_attempts
from autograder.cli.progress import BatchProgress
from autograder.store import Regrade
from course.rules import load_rules
from tests.support.batches import count_rows
from tests.support.recipes import REDUCED, TINY
from tests.support.stores import NOON, result_of

pytestmark = pytest.mark.usefixtures("kept_servers")
sqlite_alone = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def hand_in(store, student: str, source: str):
    digest = hashlib.sha256((source or "no recipe").encode()).hexdigest()
    attempt = store.results.record_attempt(student, "challenge", "mine.ipynb", digest, NOON, source)
    store.results.record_verdict(attempt, result_of("refused"), load_rules("challenge"), ())
    return store.results.latest(student, "challenge")


@pytest.mark.training
@sqlite_alone
def test_attempts_are_trained_once_from_the_store_alone_and_nothing_of_it_counts(store):
    ada, eve = hand_in(store, "ada", TINY), hand_in(store, "eve", "")
    before = store.results.graded_attempts()

    def train(regrade=None):
        return train_attempts([ada, eve], REDUCED, store, BatchProgress(2, quiet=True), jobs=1, regrade=regrade)

    trained, summary = train()
    assert list(trained) == [ada.attempt_id] and summary.verdicts == {"fail": 1}
    result, run_ids = trained[ada.attempt_id]
    assert (result.verdict, result.submission, len(result.runs), len(run_ids)) == ("fail", "mine.ipynb", 1, 1)
    assert store.results.graded_attempts() == before and count_rows(store, "attempts") == 2
    assert train()[0] == trained and count_rows(store, "runs") == 1
    again, _ = train(Regrade("the fan had stopped", dt.datetime.now(dt.UTC)))
    assert count_rows(store, "runs") == 2 and again[ada.attempt_id][1] != run_ids
    assert store.results.graded_attempts() == before and list(store.verify()) == []


@sqlite_alone
def test_without_a_recipe_in_the_store_nothing_is_trained(store):
    eve = hand_in(store, "eve", "")
    assert train_attempts([eve], REDUCED, store, BatchProgress(1, quiet=True))[0] == {}
