"""Rows of the table, and who stands before whom. Integers are compared, never what they are rounded to."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

from autograder.store import AttemptInProgress, AttemptRule, AttemptSummary, RunSummary, counting_attempt
from course.rules import Rules, Streak, held_level, longest_streak

VERDICTS = ("pass", "borderline", "fail", "refused", "error")  # best first


@dataclass(frozen=True)
class LeaderboardRow:
    """A student, or a baseline, as the table shows it. The curve is that of the run with the median held level.

    `correct` counts of `total` test images, epoch by epoch; `passed` of `seeds` runs held the accuracy. `in_progress`
    is the newest attempt while it is graded or waits for it. `rank` is None without a result; `ties` share it.
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
    total: int = 10_000
    needed: int = 0
    level: int = 0  # the highest count that was held for as many epochs as the rules ask
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

    @property
    def first_reached(self) -> int | None:
        """The first epoch at the accuracy, counted from 1."""
        return next((n for n, count in enumerate(self.correct, start=1) if count >= self.needed), None)


def row_of(
    key: str, attempts: Sequence[AttemptSummary], in_progress: dict[int, AttemptInProgress], which: AttemptRule = "last"
) -> LeaderboardRow:
    """A student's row. `attempts` are theirs for one assignment, in the order of hand-in; at least one.

    `which` of them counts: the last that has a verdict, or the best.
    """
    judged = [seen for seen in attempts if seen.verdict]
    newest = attempts[-1]
    waits = stands(newest, in_progress)
    if not judged:
        return LeaderboardRow(
            key,
            newest.student,
            newest.attempt_id,
            attempts=len(attempts),
            handed_in=newest.handed_in,
            in_progress=waits,
        )
    seen = counting_attempt(judged, which)
    rules = Rules(**seen.rules)
    shown = median_run(seen.runs, rules.hold)
    total = shown.total if shown else 10_000
    return LeaderboardRow(
        key,
        seen.student,
        seen.attempt_id,
        verdict=seen.verdict,
        borderline=seen.borderline,
        official=seen.official,
        reason=seen.reasons[0] if seen.reasons else "",
        counted=seen.counted,
        **curve(shown.counts if shown else (), rules, total),
        correct=shown.correct if shown else (),
        passed=sum(holds(run, rules) for run in seen.runs),
        seeds=len(seen.runs),
        device=shown.device if shown else "",
        seconds=sum(run.seconds for run in seen.runs),
        number=attempts.index(seen) + 1,
        attempts=len(attempts),
        handed_in=seen.handed_in,
        in_progress=waits,
    )


def stands(seen: AttemptSummary, in_progress: dict[int, AttemptInProgress]) -> AttemptInProgress | None:
    """Where an attempt is on its way to a verdict: one without waits at least, and one with may be graded again."""
    return in_progress.get(seen.attempt_id, None if seen.verdict else AttemptInProgress(seen.attempt_id))


def curve(correct: Sequence[int], rules: Rules, total: int) -> dict:
    """What a LeaderboardRow says of the accuracy that one run held; `correct` is empty for a run that broke off."""
    needed = rules.needed(total)
    return {
        "total": total,
        "needed": needed,
        "level": held_level(correct, rules.hold),
        "streak": longest_streak(correct, needed),
    }


def median_run(runs: Sequence[RunSummary], hold: int) -> RunSummary | None:
    """Neither the luckiest nor the unluckiest seed; of two the lower one."""
    return sorted(runs, key=lambda run: held_level(run.counts, hold))[(len(runs) - 1) // 2] if runs else None


def holds(run: RunSummary, rules: Rules) -> bool:
    return held_level(run.counts, rules.hold) >= rules.needed(run.total)


def ranked(rows: Iterable[LeaderboardRow], order: Sequence[str]) -> list[LeaderboardRow]:
    """All rows, best first. What has no result stands last; a baseline takes no rank, and stands after its equals."""
    rows = list(rows)
    with_result = sorted(
        (row for row in rows if row.correct), key=lambda row: (_key(row, order), row.baseline, row.name, row.key)
    )
    others = sorted((row for row in rows if not row.correct), key=lambda row: (_worth(row.verdict), row.name, row.key))
    found, place = [], 1
    for _, same in groupby(with_result, key=lambda row: _key(row, order)):
        same = list(same)
        students = sum(not row.baseline for row in same)
        found += [row if row.baseline else replace(row, rank=place, ties=students) for row in same]
        place += students
    return found + others


def _key(row: LeaderboardRow, order: Sequence[str]) -> tuple:
    length, lowest = (len(row.streak), row.streak.lowest) if row.streak else (0, 0)
    values = {
        "verdict": (not row.official, _worth(row.verdict)),
        "parameters": math.inf if row.counted is None else row.counted,
        "streak": -length,
        "lowest": -Fraction(lowest, row.total),
        "epochs": len(row.correct),
        "earlier": row.handed_in.timestamp() if row.handed_in else 0.0,
    }
    return tuple(values[name] for name in order)


def _worth(verdict: str) -> int:
    return VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS)
