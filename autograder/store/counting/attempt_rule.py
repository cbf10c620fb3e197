"""Which of a student's attempts counts: the last, or the best, as the assignment's rules say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeVar

from course.rules import held_level

AttemptRule = Literal["last", "best"]
Quality = tuple[int, float]
HELD_EPOCHS = 2  # attempts under different rules are compared by the accuracy that was held for so many epochs
_VERDICT_ORDER = {"pass": 3, "borderline": 2, "fail": 1}  # any other verdict: 0


class Comparable(Protocol):
    """An attempt with a verdict. `official`: it was not made with a reduced run."""

    @property
    def official(self) -> bool: ...

    @property
    def quality(self) -> Quality: ...


A = TypeVar("A", bound=Comparable)


def counting_attempt(attempts: Sequence[A], rule: AttemptRule) -> A:
    """Of a student's judged attempts, in the order of hand-in and at least one; of equally good ones the earlier.

    What is not official is no better than anything that is.
    """
    return attempts[-1] if rule == "last" else max(attempts, key=lambda attempt: (attempt.official, attempt.quality))


def attempt_quality(verdict: str, runs: Iterable[tuple[Sequence[int], int]]) -> Quality:
    """What makes one attempt better than another: its verdict, then the mean accuracy that its runs held.

    A run is its counts of correct test images, epoch by epoch, and the number of test images. It has no counts if it
    broke off; then it held nothing.
    """
    held = [held_level(correct, HELD_EPOCHS) / total for correct, total in runs]
    return _VERDICT_ORDER.get(verdict, 0), sum(held) / len(held) if held else 0.0
