"""Runs, attempts and verdicts for a store, written as the grader would write them, without training."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import text

from autograder.store import RunKey, Store
from autograder.store.records import Result, RunRecord
from course.inspection.record import Inspection, StepCost
from course.rules import Verdict, load_rules
from course.spec import Spec
from course.training.results import EpochResult

INSPECTION = Inspection(
    spec_hash="0" * 64,
    parts=(),
    layers=(),
    work=StepCost(0, 0, 0),
    epochs=15,
    batch_size=128,
    problems=(),
    leaks=(),
)
EPOCHS = [EpochResult(n, 0.1, 1 / 3 / n, 900 + n, 1000, 0.1 / n, 450 + n, 500) for n in (1, 2, 3)]
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def record_of(epochs: Sequence[EpochResult] = EPOCHS) -> RunRecord:
    return RunRecord(7, "cpu", "a processor", 1, tuple(epochs), 1.5, wrong=((3, 8), (17, 1)))


def result_of(verdict: Verdict = "pass", epochs: Sequence[EpochResult] = EPOCHS) -> Result:
    return Result("x.py", "challenge", verdict, ("Because.",), isolation="bubblewrap", runs=(record_of(epochs),))


def store_run(store: Store, key: RunKey, spec: Spec, epochs: Sequence[EpochResult] = EPOCHS) -> int:
    """Store a finished run as if it had been trained; its number in the store."""
    with store.claims.take(key, spec) as claim:
        for epoch in epochs:
            claim.save(epoch, b"state")
        claim.finish(record_of(epochs))
    return claim.run_id


def hand_in(
    store: Store,
    student: str,
    source_hash: str = "a" * 64,
    at: dt.datetime = NOON,
    verdict: Verdict = "pass",
    run_ids: Sequence[int] = (),
) -> int:
    """Store an attempt at the challenge with its verdict; the attempt's number in the store."""
    attempt = store.results.record_attempt(student, "challenge", "x.py", source_hash, at, f"recipe = {source_hash!r}")
    store.results.record_verdict(attempt, result_of(verdict), load_rules("challenge"), run_ids)
    return attempt


def execute(store: Store, statement: str) -> None:
    """Run SQL behind the store's back, as somebody with the database's password could."""
    with store._database.engine.begin() as connection:
        connection.execute(text(statement))
