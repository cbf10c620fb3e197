"""Runs in training: never twice, resumed after their last epoch, taken over from the dead and the silent."""

import datetime as dt
import subprocess
import sys
from dataclasses import replace

import pytest

from autograder.store import Claim, ClaimLost, Regrade, RunBusy, RunFinished
from autograder.workers import owners
from course.errors import GraderError
from tests.support.stores import EPOCHS, execute, record_of, store_run


def test_a_run_is_read_as_it_was_kept_digit_for_digit(store, key, spec):
    run_id = store_run(store, key, spec)
    assert store.claims.take(key, spec) == RunFinished(run_id, record_of())


@pytest.mark.parametrize(
    "other", [{"seed": 8}, {"device": "cuda"}, {"threads": 2}, {"trainer": "trainer 2"}, {"reduced": "1/600/200"}]
)
def test_what_changes_the_numbers_is_another_run(store, key, spec, other):
    store_run(store, key, spec)
    assert isinstance(store.claims.take(replace(key, **other), spec), Claim)


def test_while_one_trains_a_run_others_are_told_so(store, key, spec):
    with store.claims.take(key, spec) as claim:
        busy = store.claims.take(key, spec)
        assert isinstance(busy, RunBusy) and busy.run_id == claim.run_id
        assert store.claims.is_busy(claim.run_id)
    assert not store.claims.is_busy(claim.run_id)


def test_a_run_goes_on_after_its_last_finished_epoch(store, key, spec):
    with store.claims.take(key, spec) as claim:
        claim.save(EPOCHS[0], b"one")
        claim.save(EPOCHS[1], b"two")
    with store.claims.take(key, spec) as claim:
        kept = claim.load()
    assert (kept.epochs, kept.state) == (tuple(EPOCHS[:2]), b"two")


def test_an_owner_that_fell_silent_loses_the_run_and_can_keep_nothing_more(store, key, spec):
    with store.claims.take(key, spec) as slow:
        slow.save(EPOCHS[0], b"one")
        execute(store, f"UPDATE runs SET beat = beat - {owners.STALE_SECONDS + 1}")
        with store.claims.take(key, spec) as other:
            assert other.load().epochs == (EPOCHS[0],)
            for attempt in (lambda: slow.save(EPOCHS[1], b"late"), lambda: slow.finish(record_of())):
                with pytest.raises(ClaimLost):
                    attempt()
            other.save(EPOCHS[1], b"two")
            other.save(EPOCHS[2], b"three")
            other.finish(record_of())
    assert isinstance(store.claims.take(key, spec), RunFinished)


@pytest.mark.slow
def test_the_run_of_a_killed_process_is_taken_over_at_once(store, store_url, key, spec):
    code = (
        "import os, sys, signal; from autograder.store import *; from course.spec import Spec\n"
        "spec = Spec.from_json(sys.stdin.read())\n"
        "claim = open_store(sys.argv[1]).claims.take(RunKey(spec.hash, 7, 'cpu', 1, 'trainer 1', ''), spec)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, store_url], input=spec.to_json().encode(), check=False)
    assert killed.returncode == -9
    assert isinstance(store.claims.take(key, spec), Claim)


def test_keeping_an_epoch_twice_is_keeping_it_once(store, key, spec):
    with store.claims.take(key, spec) as claim:
        claim.save(EPOCHS[0], b"one")
        claim.save(EPOCHS[0], b"one")
    assert list(store.verify()) == []


def test_an_epoch_that_comes_out_differently_when_repeated_is_not_passed_over(store, key, spec):
    with store.claims.take(key, spec) as claim:
        claim.save(EPOCHS[0], b"one")
        with pytest.raises(GraderError, match="gave another result"):
            claim.save(replace(EPOCHS[0], correct=400), b"one")


def test_training_again_is_another_run_with_its_reason_once(store, key, spec):
    store_run(store, key, spec)
    again = Regrade("the machine was faulty", dt.datetime.now(dt.UTC))
    with store.claims.take(key, spec, again) as claim:
        assert claim.load().epochs == ()
        for epoch in EPOCHS:
            claim.save(epoch, b"state")
        claim.finish(record_of())
    assert store.claims.take(key, spec, again) == RunFinished(claim.run_id, record_of())
    assert store.claims.take(key, spec) == RunFinished(claim.run_id, record_of())


def test_an_end_that_is_stored_twice_is_stored_once(store, key, spec):
    """As when the answer to the first try was lost."""
    with store.claims.take(key, spec) as claim:
        for epoch in EPOCHS:
            claim.save(epoch, b"state")
        claim.finish(record_of())
        records = store.chain_end()
        claim.finish(record_of())
    assert store.chain_end() == records and list(store.verify()) == []


def test_a_claim_that_is_held_sends_heartbeats(store, key, spec, monkeypatch):
    monkeypatch.setattr(owners, "HEARTBEAT_SECONDS", 0.05)
    with store.claims.take(key, spec) as claim:
        execute(store, f"UPDATE runs SET beat = beat - {owners.STALE_SECONDS + 1}")
        deadline = dt.datetime.now() + dt.timedelta(seconds=60)
        while not store.claims.is_busy(claim.run_id):
            assert dt.datetime.now() < deadline
