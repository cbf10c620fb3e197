"""What a batch reports: an outcome for each submission, and a summary of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from autograder.batch.submissions import SubmissionFile
from autograder.store.records import Result


@dataclass(frozen=True)
class Outcome:
    """What a batch reports about one submission. The store has everything else."""

    student: str
    assignment: str
    file: str
    verdict: str
    reasons: tuple[str, ...]
    borderline: bool = False
    official: bool = True
    counted: int | None = None  # parameters
    best: int | None = None  # test images right in the best epoch of all runs
    total: int | None = None  # test images
    runs: int = 0
    seconds: float = 0.0

    @classmethod
    def from_result(cls, submission: SubmissionFile, result: Result, seconds: float) -> Outcome:
        epochs = [epoch for run in result.runs for epoch in run.epochs]
        return cls(
            student=submission.student,
            assignment=submission.assignment,
            file=submission.path.name,
            verdict=result.verdict,
            reasons=result.reasons,
            borderline=result.borderline,
            official=result.official,
            counted=result.counted,
            best=max((epoch.correct for epoch in epochs), default=None),
            total=epochs[0].test_total if epochs else None,
            runs=len(result.runs),
            seconds=seconds,
        )

    @classmethod
    def internal_error(cls, submission: SubmissionFile, reason: str) -> Outcome:
        """The outcome of a submission that could not be graded, by a fault that is not the student's."""
        return cls(submission.student, submission.assignment, submission.path.name, "internal", (reason,))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def describe_verdicts(verdicts: Mapping[str, int]) -> str:
    """`3 pass, 1 fail`, the most frequent first; or `none`."""
    counts = sorted(verdicts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {verdict}" for verdict, count in counts) or "none"


@dataclass
class BatchSummary:
    """The outcomes of a batch in the order in which they came, and how long the batch took."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def verdicts(self) -> dict[str, int]:
        """How often each verdict was given, the most frequent first."""
        return dict(Counter(outcome.verdict for outcome in self.outcomes).most_common())

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints: submissions are sorted by assignment and student."""
        outcomes = sorted(self.outcomes, key=lambda outcome: (outcome.assignment, outcome.student))
        return {
            "verdicts": self.verdicts,
            "seconds": self.seconds,
            "submissions": [outcome.to_dict() for outcome in outcomes],
        }
