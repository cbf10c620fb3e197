"""What a regrade does to the grades of a course: whom it concerns, and whose grade goes up or down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.batch import find_submissions, select_submissions, without_dropped
from autograder.grading.options import Options
from autograder.grading.rejudge import GradeChange
from autograder.nbgrader_plugins.report import credit
from autograder.nbgrader_plugins.trained_score import TrainedScore
from autograder.store import GradedAttempt, Store
from course.rules import Rules, assignments

Direction = Literal["up", "down", "stay", "unknown"]
Unit = tuple[str, str]  # assignment, and student or team


@dataclass(frozen=True)
class Concerned:
    """The attempts with a verdict of those who are chosen, and how many have handed in and have none."""

    attempts: tuple[GradedAttempt, ...]
    waiting: int

    @property
    def grades(self) -> int:
        return len({(attempt.assignment, attempt.student) for attempt in self.attempts})


def find_concerned(
    store: Store,
    folders: Iterable[Path],
    assignment: str | None,
    default_assignment: str,
    students: Collection[str] = (),
    verdicts: Collection[str] = (),
) -> Concerned:
    """Of all who have handed in and are not dropped; of `students`, or of those with one of `verdicts`, if any are.

    Raises UsageError, GraderError, StoreError.
    """
    found = find_submissions(folders, assignment, default_assignment)
    submissions, _ = without_dropped(found.submissions, store)
    if students or verdicts:
        submissions = tuple(select_submissions(submissions, store, students, verdicts))
    roster = store.class_changes.roster()
    units = {(s.assignment, roster.unit(s.student, s.assignment)) for s in submissions}
    attempts = tuple(
        attempt
        for name in sorted({name for name, _ in units})
        for attempt in store.results.graded_attempts(name)
        if (name, attempt.student) in units
    )
    return Concerned(attempts, len(units) - len({(attempt.assignment, attempt.student) for attempt in attempts}))


def counting_attempts(store: Store) -> dict[Unit, GradedAttempt]:
    """The attempt that counts, of everybody."""
    return {
        (name, attempt.student): attempt for name in assignments() for attempt in store.results.counting_attempts(name)
    }


@dataclass(frozen=True)
class Grades:
    """What attempts are worth by the settings of a course; without one, by those that are usual."""

    options: Options
    settings: TrainedScore | None = None

    def direction(self, before: GradedAttempt, after: GradedAttempt | None) -> Direction:
        """Whether a grade goes up or down or stays; `unknown` until something is trained."""
        if after is None:
            return "unknown"
        change = self._worth(after) - self._worth(before)
        return "up" if change > 0 else "down" if change < 0 else "stay"

    def of(self, change: GradeChange) -> Direction:
        return self.direction(change.before, change.after)

    def compare(
        self, before: Mapping[Unit, GradedAttempt], after: Mapping[Unit, GradedAttempt]
    ) -> dict[Unit, Direction]:
        return {unit: self.direction(attempt, after[unit]) for unit, attempt in before.items()}

    def _worth(self, attempt: GradedAttempt) -> float:
        """The fraction of the points, by the rules by which the attempt was judged."""
        settings, reduced = self.settings or TrainedScore(), self.options.reduced
        rules = Rules(**attempt.rules)
        rules = reduced.rules(rules) if reduced else rules
        return credit(attempt.result, rules, settings.partial_credit, settings.partial_from)
