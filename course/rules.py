"""The limits of an assignment, and what they make of a recipe: `refused` before training, or judged after it.

rules = load_rules("challenge")
broken = refusals(rules, inspection)          # sentences; empty when the recipe may be trained
judgement = judge(rules, [run1, run2, ...])   # runs are lists of the integer `correct`, epoch by epoch
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from course.errors import UsageError
from course.inspection import Inspection

Verdict = Literal["pass", "borderline", "fail", "refused", "error", "internal"]


@dataclass(frozen=True)
class Rules:
    """The limits of one assignment; `rules.toml` says what each means."""

    assignment: str
    max_parameters: int
    max_epochs: int
    accuracy: float
    hold: int
    near: float
    seeds: int
    allow_leaks: bool
    attempts: Literal["last", "best"] = "last"

    def needed(self, total: int = 10_000) -> int:
        """The least `correct` of `total` that reaches the accuracy: 9,940 for 99.40 % of 10,000."""
        return math.ceil(round(self.accuracy * total, 6))


@dataclass(frozen=True)
class Streak:
    """Consecutive epochs `first`..`last` (counted from 1) at or above what is needed; `lowest` correct among them."""

    first: int
    last: int
    lowest: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Judgement:
    """`verdict` of the runs so far; `needs_another_seed` says whether another seed is wanted before it counts."""

    verdict: Verdict
    reasons: tuple[str, ...]
    seeds_disagree: bool  # the seeds did not agree: shown as borderline beside the verdict
    needs_another_seed: bool


@cache
def _tables() -> dict[str, dict]:
    return tomllib.loads((Path(__file__).parent / "rules.toml").read_text())


def assignments() -> tuple[str, ...]:
    return tuple(_tables())


def load_rules(assignment: str) -> Rules:
    """Raises UsageError, which lists the assignments there are."""
    if assignment not in _tables():
        raise UsageError(f"There is no assignment {assignment!r}. The assignments are: {', '.join(assignments())}.")
    return Rules(assignment, **_tables()[assignment])


def refusals(rules: Rules, inspection: Inspection) -> list[str]:
    """One sentence for each rule that the recipe breaks before it is trained."""
    found = []
    if inspection.counted > rules.max_parameters:
        found.append(
            f"parameters: {inspection.counted:,} counted, fewer than {rules.max_parameters + 1:,} allowed: "
            f"{inspection.describe_count()}."
        )
    if inspection.epochs > rules.max_epochs:
        found.append(f"epochs: the recipe asks for {inspection.epochs}, and {rules.max_epochs} are allowed.")
    if not rules.allow_leaks:
        found += inspection.leaks
    return [*found, *inspection.problems]


def longest_streak(correct: Sequence[int], needed: int) -> Streak | None:
    """The longest run of consecutive epochs with at least `needed` right; of equal ones the last."""
    best, first = None, None
    for epoch, count in enumerate([*correct, -1], start=1):
        if count >= needed:
            first = first or epoch
        elif first is not None:
            found = Streak(first, epoch - 1, min(correct[first - 1 : epoch - 1]))
            if best is None or len(found) >= len(best):
                best = found
            first = None
    return best


def held_level(correct: Sequence[int], hold: int) -> int:
    """The highest count that was held for `hold` consecutive epochs; 0 when the run was shorter."""
    windows = [min(correct[i : i + hold]) for i in range(len(correct) - hold + 1)]
    return max(windows, default=0)


def judge(rules: Rules, runs: Sequence[Sequence[int]], *, seeds: int | None = None, total: int = 10_000) -> Judgement:
    """What the runs say, in order; one that broke off is empty. `seeds` replaces the rule's number of them.

    The first run decides when it is clear: its held level is further than `near` from what is needed. Otherwise runs
    follow until a majority of the seeds agrees. A tie after the last seed is `borderline`.
    """
    if not runs:
        raise ValueError("at least one run is needed")
    seeds = seeds or rules.seeds
    needed = rules.needed(total)
    passed = [held_level(run, rules.hold) >= needed for run in runs]
    reasons = tuple(_in_words(rules, run, number, total) for number, run in enumerate(runs, start=1))
    clear = abs(held_level(runs[0], rules.hold) - needed) > rules.near * total
    wins, losses = sum(passed), len(passed) - sum(passed)
    decided = clear or max(wins, losses) > seeds // 2 or len(runs) >= seeds
    if not decided:
        return Judgement("borderline", reasons, seeds_disagree=bool(wins and losses), needs_another_seed=True)
    verdict = ("pass" if passed[0] else "fail") if clear else "pass" if wins > losses else "fail"
    if not clear and wins == losses:
        verdict = "borderline"
    if wins and losses and not clear:
        reasons = (*reasons, f"The seeds did not agree: {wins} of {len(runs)} held the accuracy. The majority decides.")
    return Judgement(verdict, reasons, seeds_disagree=bool(wins and losses and not clear), needs_another_seed=False)


def _in_words(rules: Rules, run: Sequence[int], number: int, total: int) -> str:
    if not run:
        return f"Run {number}: it did not come to its end."
    needed = rules.needed(total)
    streak = longest_streak(run, needed)
    best = max(run)
    epoch = run.index(best) + 1
    goal = f"{needed:,} of {total:,} ({rules.accuracy:.2%}) for {rules.hold} consecutive epochs"
    if streak and len(streak) >= rules.hold:
        return (
            f"Run {number}: accuracy held in epochs {streak.first}-{streak.last}, at least {streak.lowest:,} "
            f"of {total:,} ({streak.lowest / total:.2%}); needed: {goal}."
        )
    held = f"{len(streak)} epoch{'s' * (len(streak) > 1)} in a row" if streak else "in no epoch"
    return (
        f"Run {number}: accuracy reached {held}; best {best:,} of {total:,} ({best / total:.2%}) in epoch {epoch}; "
        f"needed: {goal}."
    )
