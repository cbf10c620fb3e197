"""The class as the store has it, kept in memory and brought up to date by what has come since the last look."""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import insort
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from autograder.leaderboard.baselines import baselines
from autograder.leaderboard.ranking import LeaderboardRow, ranked, row_of, stands
from autograder.leaderboard.settings import Settings
from autograder.store import AttemptInProgress, AttemptSummary, Cursor, Store
from course.rules import assignments, load_rules


@dataclass
class AssignmentTable:
    """One assignment: each student's attempts in the order of hand-in, and their rows, best first.

    `version` goes up with each change; `changed` says which row changed at which version, and `shown` is its HTML.
    """

    attempts: dict[str, list[AttemptSummary]] = field(default_factory=lambda: defaultdict(list))
    rows: list[LeaderboardRow] = field(default_factory=list)
    by_student: dict[str, LeaderboardRow] = field(default_factory=dict)
    version: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    as_rendered: dict[str, LeaderboardRow] = field(default_factory=dict)

    @property
    def seen(self) -> list[AttemptSummary]:
        return [seen for attempts in self.attempts.values() for seen in attempts]


class ClassState:
    """For one thread at a time: `refresh`, then ask. `render` makes a row's HTML, when the row has changed."""

    def __init__(self, store: Store, settings: Settings, render: Callable[[str, LeaderboardRow], str] | None = None):
        self.store, self.settings = store, settings
        self._render = render or (lambda assignment, row: "")
        self._keys: dict[str, str] = {}  # student -> a name for their row that is plain in HTML
        self._number = itertools.count(1)
        self._starts = itertools.count(1)
        self._begin()

    def _begin(self) -> None:
        """Know nothing; versions of before are not taken for new ones."""
        self.start = next(self._starts)
        self._mark = Cursor()
        self._boards: dict[str, AssignmentTable] = defaultdict(AssignmentTable)
        self._by_id: dict[int, AttemptSummary] = {}
        self._in_progress: dict[int, AttemptInProgress] = {}

    def refresh(self) -> None:
        """Take in what has come since. After an error everything is read anew the next time. Raises StoreError."""
        try:
            mark, fresh = self.store.overview.since(self._mark)
            in_progress = {one.attempt_id: one for one in self.store.overview.in_progress()}
            self._mark = mark
            self._take(
                [seen for seen in fresh if seen.assignment in assignments()], in_progress, everything=not self._boards
            )
        except BaseException:
            self._begin()
            raise

    def table(self, assignment: str) -> AssignmentTable:
        return self._boards[assignment]

    def attempt(self, attempt_id: int) -> tuple[AttemptSummary, list[AttemptSummary], AttemptInProgress | None] | None:
        """One attempt, all of that student's for the assignment, and where it stands; None when it is not there."""
        if (seen := self._by_id.get(attempt_id)) is None:
            return None
        return seen, list(self._boards[seen.assignment].attempts[seen.student]), stands(seen, self._in_progress)

    def newest(self) -> str:
        """The assignment of the newest attempt; the challenge where there is none."""
        seen = max(self._by_id.values(), key=lambda seen: seen.attempt_id, default=None)
        return seen.assignment if seen else "challenge"

    def counts(self) -> dict[str, int]:
        """Assignment -> students."""
        return {name: len(self._boards[name].attempts) for name in assignments()}

    def _take(
        self, fresh: list[AttemptSummary], in_progress: dict[int, AttemptInProgress], *, everything: bool
    ) -> None:
        moved = {i for i in {*in_progress, *self._in_progress} if in_progress.get(i) != self._in_progress.get(i)}
        self._in_progress = in_progress
        for seen in fresh:
            attempts = self._boards[seen.assignment].attempts[seen.student]
            if (before := self._by_id.get(seen.attempt_id)) is not None:
                attempts.remove(before)
            insort(attempts, seen, key=_when)
            self._by_id[seen.attempt_id] = seen
        stale = fresh + [self._by_id[i] for i in moved if i in self._by_id]
        changed = {name: set() for name in assignments()} if everything else defaultdict(set)
        for seen in stale:
            changed[seen.assignment].add(seen.student)
        for assignment, students in changed.items():
            self._bring_up_to_date(assignment, students)

    def _bring_up_to_date(self, assignment: str, students: set[str]) -> None:
        board, which = self._boards[assignment], load_rules(assignment).attempts
        for student in sorted(students):
            key = self._keys.setdefault(student, f"s{next(self._number)}")
            board.by_student[student] = row_of(key, board.attempts[student], self._in_progress, which)
        board.rows = ranked([*board.by_student.values(), *baselines(assignment)], self.settings.order)
        board.version += 1
        for row in board.rows:
            if board.as_rendered.get(row.key) != row:
                board.as_rendered[row.key], board.shown[row.key] = row, self._render(assignment, row)
                board.changed[row.key] = board.version


def _when(seen: AttemptSummary) -> tuple[dt.datetime, int]:
    return seen.handed_in, seen.attempt_id
