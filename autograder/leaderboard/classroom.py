"""The class as the store has it, kept in memory and brought up to date by what has come since the last look."""

from __future__ import annotations

import datetime as dt
import itertools
from bisect import insort
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from autograder.leaderboard.baselines import baselines
from autograder.leaderboard.ranking import Row, ranked, row_of
from autograder.leaderboard.settings import Settings
from autograder.store import Mark, Seen, Store, UnderWay
from course.rules import assignments


@dataclass
class Board:
    """One assignment: each student's attempts in the order of hand-in, and their rows, best first.

    `version` goes up with each change; `changed` says which row changed at which version, and `shown` is its HTML.
    """

    attempts: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    rows: list[Row] = field(default_factory=list)
    by_student: dict[str, Row] = field(default_factory=dict)
    version: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    as_rendered: dict[str, Row] = field(default_factory=dict)

    @property
    def seen(self) -> list[Seen]:
        return [seen for attempts in self.attempts.values() for seen in attempts]


class Classroom:
    """To be used by one thread at a time. `render` makes a row's HTML, again only when the row has changed."""

    def __init__(
        self, store: Store, settings: Settings, render: Callable[[str, Row], str] = lambda assignment, row: ""
    ):
        self.store, self.settings, self._render = store, settings, render
        self._mark = Mark()
        self._boards: dict[str, Board] = defaultdict(Board)
        self._keys: dict[str, str] = {}  # student -> a name for their row that is plain in HTML
        self._number = itertools.count(1)
        self._by_id: dict[int, Seen] = {}
        self._under_way: dict[int, UnderWay] = {}

    def board(self, assignment: str) -> Board:
        """The assignment as it stands now. Raises StoreError."""
        self._look()
        return self._boards[assignment]

    def attempt(self, attempt_id: int) -> tuple[Seen, list[Seen], UnderWay | None] | None:
        """One attempt, all of that student's for the assignment, and where it stands. Raises StoreError."""
        self._look()
        if (seen := self._by_id.get(attempt_id)) is None:
            return None
        attempts = self._boards[seen.assignment].attempts[seen.student]
        waits = None if seen.verdict else self._under_way.get(attempt_id, UnderWay(attempt_id))
        return seen, list(attempts), waits

    def attempts(self) -> list[Seen]:
        """All attempts at whatever. Raises StoreError."""
        self._look()
        return list(self._by_id.values())

    def counts(self) -> dict[str, int]:
        """Assignment -> students, for all that have rules or attempts. Raises StoreError."""
        self._look()
        known = dict.fromkeys([*assignments(), *self._boards])
        return {name: len(self._boards[name].attempts) if name in self._boards else 0 for name in known}

    def _look(self) -> None:
        first = self._mark == Mark()
        self._mark, fresh = self.store.overview.since(self._mark)
        under_way = {one.attempt_id: one for one in self.store.overview.under_way()}
        moved = {i for i in {*under_way, *self._under_way} if under_way.get(i) != self._under_way.get(i)}
        self._under_way = under_way
        stale = {(seen.assignment, seen.student) for seen in fresh}
        stale |= {(seen.assignment, seen.student) for i in moved if (seen := self._by_id.get(i))}
        for seen in fresh:
            attempts = self._boards[seen.assignment].attempts[seen.student]
            if (before := self._by_id.get(seen.attempt_id)) is not None:
                attempts.remove(before)
            insort(attempts, seen, key=_when)
            self._by_id[seen.attempt_id] = seen
        changed: dict[str, list[str]] = defaultdict(list)
        for assignment, student in stale:
            changed[assignment].append(student)
        if first:
            changed |= {name: changed.get(name, []) for name in assignments()}
        for assignment, students in changed.items():
            self._bring_up_to_date(assignment, students)

    def _bring_up_to_date(self, assignment: str, students: list[str]) -> None:
        board = self._boards[assignment]
        for student in students:
            key = self._keys.setdefault(student, f"s{next(self._number)}")
            board.by_student[student] = row_of(key, board.attempts[student], self._under_way)
        others = baselines(assignment) if assignment in assignments() else ()
        board.rows = ranked([*board.by_student.values(), *others], self.settings.order)
        board.version += 1
        for row in board.rows:
            if board.as_rendered.get(row.key) != row:
                board.as_rendered[row.key], board.shown[row.key] = row, self._render(assignment, row)
                board.changed[row.key] = board.version


def _when(seen: Seen) -> tuple[dt.datetime, int]:
    return seen.handed_in, seen.attempt_id
