"""Attempts with verdicts in a store as gradings leave them: with an inspection, and runs that can be judged again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from autograder.grading.attempts import asked_run_key
from autograder.grading.draw_seed import draw_seed
from autograder.grading.options import Options
from autograder.grading.pipeline import judge_until_decided, judged
from autograder.store import Store
from autograder.store.records import Result, RunRecord
from autograder.store.secret import course_secret
from course.inspection.checks import inspect
from course.inspection.record import Inspection
from course.rules import load_rules, refusals
from course.training.results import EpochResult
from tests.support.networks import captured
from tests.support.stores import NOON

OPTIONS = Options(device="cpu")


def grade_made_up(
    store: Store,
    student: str,
    curves: Sequence[Sequence[int]] = (),
    *,
    recipe: str = "",
    numbers: int = 0,
    at: dt.datetime = NOON,
    options: Options = OPTIONS,
) -> int:
    """Store an attempt at the challenge whose runs had so many of 10,000 test images right, epoch by epoch.

    `recipe` is its source, and tells it from others; with `numbers` it has so many parameters. Its id.
    """
    source = recipe or f"recipe = {student!r}"
    digest = hashlib.sha256(source.encode()).hexdigest()
    attempt = store.results.record_attempt(student, "challenge", "x.py", digest, at, source)
    rules, result = load_rules("challenge"), Result("x.py", "challenge", "internal", (), isolation="bubblewrap")
    result = replace(result, official=options.reduced is None, inspection=inspection_of(digest, numbers))
    run_ids: list[int] = []

    def next_run(number: int) -> RunRecord:
        key = asked_run_key(digest, draw_seed(course_secret(), digest, number), options.asked_options())
        record = record_of(key.seed, curves[number - 1])
        with store.claims.take(key, captured("model2")) as claim:
            for epoch in record.epochs:
                claim.save(epoch, b"state")
            claim.finish(record)
        run_ids.append(claim.run_id)
        return record

    if reasons := refusals(rules, result.inspection):
        result = replace(result, verdict="refused", reasons=tuple(reasons))
    else:
        result = judged(result, rules, *judge_until_decided(rules, options, next_run))
    store.results.record_verdict(attempt, result, rules, run_ids, options=options.asked())
    return attempt


def record_of(seed: int, curve: Sequence[int]) -> RunRecord:
    epochs = [EpochResult(n, 0.1, 0.1, 50_000, 60_000, 0.1, count, 10_000) for n, count in enumerate(curve, start=1)]
    return RunRecord(seed, "cpu", "a processor", 1, tuple(epochs), 1.5)


def inspection_of(spec_hash: str, numbers: int = 0) -> Inspection:
    inspection = _inspection()
    if numbers:
        first, *others = inspection.parts
        inspection = replace(
            inspection, parts=(replace(first, numbers=numbers - sum(p.numbers for p in others)), *others)
        )
    return replace(inspection, spec_hash=spec_hash)


@cache
def _inspection() -> Inspection:
    return inspect(captured("model2"))
