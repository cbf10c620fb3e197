"""Rows and attempts for the leaderboard, without a store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from autograder.leaderboard.ranking import LeaderboardRow, held_accuracy
from autograder.leaderboard.settings import Settings
from autograder.store import AttemptSummary, RunSummary
from course.rules import load_rules
from tests.support.stores import NOON

RULES = load_rules("challenge")
DEFAULT_ORDER = Settings().order


def make_row(
    name: str = "ada",
    verdict: str = "pass",
    counted: int = 7_000,
    correct: Sequence[int] = (9_900, 9_945, 9_950),
    minutes: int = 0,
    **other: Any,
) -> LeaderboardRow:
    """A student's row, handed in `minutes` after noon."""
    return LeaderboardRow(
        name,
        name,
        verdict=verdict,
        counted=counted,
        correct=tuple(correct),
        handed_in=NOON + dt.timedelta(minutes=minutes),
        **held_accuracy(correct, RULES, 10_000),
        **other,
    )


def make_attempt(
    number: int = 1,
    verdict: str = "pass",
    correct: Iterable[Sequence[int]] = ((9_945, 9_950),),
    student: str = "ada",
    **other: Any,
) -> AttemptSummary:
    """An attempt with a run for each curve in `correct`, handed in `number` hours after noon."""
    return AttemptSummary(
        number,
        student,
        "challenge",
        NOON + dt.timedelta(hours=number),
        "a" * 64,
        verdict,
        ("Because.",),
        counted=7_000,
        rules=asdict(RULES) if verdict else None,
        runs=tuple(RunSummary(n, n, "cpu", 60.0, tuple(run), 10_000) for n, run in enumerate(correct, start=1)),
        **other,
    )


def names(rows: Iterable[LeaderboardRow]) -> list[str]:
    return [row.name for row in rows]
