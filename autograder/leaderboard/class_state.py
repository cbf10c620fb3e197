"""The class as the store has it, kept in memory; each look at the store reads only what is new."""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from autograder.leaderboard.baselines import baselines
from autograder.leaderboard.ranking import LeaderboardRow, progress_of, ranked, student_row
from autograder.leaderboard.settings import Settings
from autograder.store import AttemptInProgress, AttemptSummary, Cursor, Store
from course.rules import assignments, load_rules


@dataclass
class AssignmentTable:
    """One assignment: each student's attempts in the order of hand-in, and all rows, best first.

    `version` grows with each change. By a row's key, `changed_at` is the version in which it last changed, and `html`
    what was rendered then.
    """

    attempts: dict[str, list[AttemptSummary]] = field(default_factory=lambda: defaultdict(list))
    rows: list[LeaderboardRow] = field(default_factory=list)
    student_rows: dict[str, LeaderboardRow] = field(default_factory=dict)
    version: int = 0
    changed_at: dict[str, int] = field(default_factory=dict)
    html: dict[str, str] = field(default_factory=dict)
    rendered: dict[str, LeaderboardRow] = field(default_factory=dict)

    @property
    def all_attempts(self) -> list[AttemptSummary]:
        return [attempt for attempts in self.attempts.values() for attempt in attempts]


class ClassState:
    """For one thread at a time: `refresh`, then ask. `render` makes the HTML of a row that has changed.

    `everybody`: with the students who are dropped or hidden.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        render: Callable[[str, LeaderboardRow], str] | None = None,
        *,
        everybody: bool = False,
    ):
        self.store, self.settings, self._everybody = store, settings, everybody
        self._render = render or (lambda assignment, row: "")
        self._row_keys: dict[str, str] = {}  # student -> a key for the row that needs no escaping in HTML
        self._numbers = itertools.count(1)
        self._generations = itertools.count(1)
        self._reset()

    def _reset(self) -> None:
        """Forget everything. A new generation tells a browser that the versions that it knows are void."""
        self.generation = next(self._generations)
        self._cursor = Cursor()
        self._tables: dict[str, AssignmentTable] = defaultdict(AssignmentTable)
        self._by_id: dict[int, AttemptSummary] = {}
        self._in_progress: dict[int, AttemptInProgress] = {}

    def refresh(self) -> None:
        """Read what is new in the store. After an error the next refresh reads everything. Raises StoreError."""
        try:
            cursor, attempts = self.store.overview.since(self._cursor, everybody=self._everybody)
            in_progress = {attempt.attempt_id: attempt for attempt in self.store.overview.in_progress()}
            if cursor.class_change != self._cursor.class_change:  # rows have other names, or are gone
                self._reset()
            self._cursor = cursor
            course = assignments()  # reads a file
            known = [attempt for attempt in attempts if attempt.assignment in course]
            self._apply(known, in_progress, all_assignments=not self._tables)
        except BaseException:
            self._reset()
            raise

    def table(self, assignment: str) -> AssignmentTable:
        return self._tables[assignment]

    def attempt(self, attempt_id: int) -> tuple[AttemptSummary, list[AttemptSummary], AttemptInProgress | None] | None:
        """An attempt, all of that student's at the assignment, and its progress; None if there is no such attempt."""
        attempt = self._by_id.get(attempt_id)
        if attempt is None:
            return None
        attempts = list(self._tables[attempt.assignment].attempts[attempt.student])
        return attempt, attempts, progress_of(attempt, self._in_progress)

    def newest(self) -> str:
        """The assignment of the newest attempt; the challenge if there is none."""
        newest = max(self._by_id.values(), key=lambda attempt: attempt.attempt_id, default=None)
        return newest.assignment if newest else "challenge"

    def counts(self) -> dict[str, int]:
        """Assignment -> number of students."""
        return {name: len(self._tables[name].attempts) for name in assignments()}

    def _apply(
        self,
        attempts: list[AttemptSummary],
        in_progress: dict[int, AttemptInProgress],
        *,
        all_assignments: bool,
    ) -> None:
        progressed = [
            self._by_id[attempt_id]
            for attempt_id in {*in_progress, *self._in_progress}
            if in_progress.get(attempt_id) != self._in_progress.get(attempt_id) and attempt_id in self._by_id
        ]
        self._in_progress = in_progress
        for attempt in attempts:
            of_student = self._tables[attempt.assignment].attempts[attempt.student]
            if (before := self._by_id.get(attempt.attempt_id)) is not None:
                of_student.remove(before)
            insort(of_student, attempt, key=_hand_in_order)
            self._by_id[attempt.attempt_id] = attempt
        changed: dict[str, set[str]] = {name: set() for name in assignments()} if all_assignments else {}
        for attempt in [*attempts, *progressed]:
            changed.setdefault(attempt.assignment, set()).add(attempt.student)
        for assignment, students in changed.items():
            self._update_rows(assignment, students)

    def _update_rows(self, assignment: str, students: Collection[str]) -> None:
        table, rule = self._tables[assignment], load_rules(assignment).attempts
        for student in sorted(students):
            key = self._row_keys.setdefault(student, f"s{next(self._numbers)}")
            table.student_rows[student] = student_row(key, table.attempts[student], self._in_progress, rule)
        table.rows = ranked([*table.student_rows.values(), *baselines(assignment)], self.settings.order)
        table.version += 1
        for row in table.rows:
            if table.rendered.get(row.key) != row:
                table.rendered[row.key], table.html[row.key] = row, self._render(assignment, row)
                table.changed_at[row.key] = table.version


def _hand_in_order(attempt: AttemptSummary) -> tuple[dt.datetime, int]:
    return attempt.handed_in, attempt.attempt_id
