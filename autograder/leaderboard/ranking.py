"""Rows of the table and their order. Integers are compared, never the decimals that they are shown as."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import TypedDict

from autograder.store import AttemptInProgress, AttemptRule, AttemptSummary, RunSummary, counting_attempt
from course.recipe import TEST_IMAGES
from course.rules import Rules, Streak, held_level, longest_streak

VERDICTS = ("pass", "borderline", "fail", "refused", "error")  # best first


@dataclass(frozen=True)
class LeaderboardRow:
    """A student, or a baseline, as the table shows it. The curve is that of the run with the median held level.

    `correct` counts of `total` test images, epoch by epoch; `needed` of them reach the accuracy; `level` is the highest
    count that was held for as many epochs as the rules ask. `passed` of `seeds` runs held the accuracy. `in_progress`
    is the newest attempt while it is graded or waits. `rank` is None without a result; `ties` students share it.
    `first_name` is the id before the student was renamed: the pseudonym is made of it.
    """

    key: str
    name: str
    attempt_id: int | None = None
    baseline: bool = False
    verdict: str = ""
    borderline: bool = False
    official: bool = True
    reason: str = ""
    counted: int | None = None
    correct: tuple[int, ...] = ()
    total: int = TEST_IMAGES
    needed: int = 0
    level: int = 0
    streak: Streak | None = None
    passed: int = 0
    seeds: int = 0
    device: str = ""
    seconds: float = 0.0
    number: int = 0
    attempts: int = 0
    handed_in: dt.datetime | None = None
    in_progress: AttemptInProgress | None = None
    rank: int | None = None
    ties: int = 1
    first_name: str = ""

    @property
    def first_reached(self) -> int | None:
        """The first epoch at the accuracy, counted from 1."""
        return next((n for n, count in enumerate(self.correct, start=1) if count >= self.needed), None)


class HeldAccuracy(TypedDict):
    """The fields of a LeaderboardRow about the accuracy that its run held."""

    total: int
    needed: int
    level: int
    streak: Streak | None


def student_row(
    key: str,
    attempts: Sequence[AttemptSummary],
    in_progress: Mapping[int, AttemptInProgress],
    rule: AttemptRule = "last",
) -> LeaderboardRow:
    """A student's row. `attempts` are theirs for one assignment, in the order of hand-in; at least one.

    Of those with a verdict one counts: the last or the best, as `rule` says.
    """
    newest = attempts[-1]
    row = LeaderboardRow(
        key,
        newest.student,
        newest.attempt_id,
        attempts=len(attempts),
        handed_in=newest.handed_in,
        in_progress=progress_of(newest, in_progress),
        first_name=newest.first_name,
    )
    judged = [attempt for attempt in attempts if attempt.verdict]
    if not judged:
        return row
    counting = counting_attempt(judged, rule)
    rules = judging_rules(counting)
    run = median_run(counting.runs, rules.hold)
    return replace(
        row,
        attempt_id=counting.attempt_id,
        verdict=counting.verdict,
        borderline=counting.borderline,
        official=counting.official,
        reason=counting.reasons[0] if counting.reasons else "",
        counted=counting.counted,
        **held_accuracy(run.counts if run else (), rules, run.total if run else TEST_IMAGES),
        correct=run.correct if run else (),
        passed=sum(holds_accuracy(run, rules) for run in counting.runs),
        seeds=len(counting.runs),
        device=run.device if run else "",
        seconds=sum(run.seconds for run in counting.runs),
        number=attempts.index(counting) + 1,
        handed_in=counting.handed_in,
    )


def judging_rules(attempt: AttemptSummary) -> Rules:
    """The rules by which an attempt with a verdict was judged."""
    assert attempt.rules is not None  # stored with each verdict
    return Rules(**attempt.rules)


def progress_of(attempt: AttemptSummary, in_progress: Mapping[int, AttemptInProgress]) -> AttemptInProgress | None:
    """The state of an attempt on its way to a verdict. Without a verdict it waits at least; with one it is usually
    None, unless the attempt is regraded.
    """
    return in_progress.get(attempt.attempt_id, None if attempt.verdict else AttemptInProgress(attempt.attempt_id))


def held_accuracy(correct: Sequence[int], rules: Rules, total: int) -> HeldAccuracy:
    """What one run held. `correct` counts epoch by epoch; it is empty for a run that broke off."""
    needed = rules.needed(total)
    return {
        "total": total,
        "needed": needed,
        "level": held_level(correct, rules.hold),
        "streak": longest_streak(correct, needed),
    }


def median_run(runs: Sequence[RunSummary], hold: int) -> RunSummary | None:
    """The run with the median held level, of an even number the lower one; None without runs."""
    return sorted(runs, key=lambda run: held_level(run.counts, hold))[(len(runs) - 1) // 2] if runs else None


def holds_accuracy(run: RunSummary, rules: Rules) -> bool:
    return held_level(run.counts, rules.hold) >= rules.needed(run.total)


def ranked(rows: Iterable[LeaderboardRow], order: Sequence[str]) -> list[LeaderboardRow]:
    """All rows, best first. Those without a result are last; a baseline has no rank, and follows its equals."""
    rows = list(rows)
    with_result = sorted(
        (row for row in rows if row.correct), key=lambda row: (_sort_key(row, order), row.baseline, row.name, row.key)
    )
    without_result = sorted(
        (row for row in rows if not row.correct), key=lambda row: (_verdict_place(row.verdict), row.name, row.key)
    )
    result, rank = [], 1
    for _, group in groupby(with_result, key=lambda row: _sort_key(row, order)):
        equal = list(group)
        students = sum(not row.baseline for row in equal)
        result += [row if row.baseline else replace(row, rank=rank, ties=students) for row in equal]
        rank += students
    return result + without_result


def _sort_key(row: LeaderboardRow, order: Sequence[str]) -> tuple[object, ...]:
    length, lowest = (len(row.streak), row.streak.lowest) if row.streak else (0, 0)
    values = {
        "verdict": (not row.official, _verdict_place(row.verdict)),
        "parameters": math.inf if row.counted is None else row.counted,
        "streak": -length,
        "lowest": -Fraction(lowest, row.total),
        "epochs": len(row.correct),
        "earlier": row.handed_in.timestamp() if row.handed_in else 0.0,
    }
    return tuple(values[name] for name in order)


def _verdict_place(verdict: str) -> int:
    return VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS)
