"""The class changes: students who are dropped, renamed, merged or hidden, and teams who hand in once.

    store.class_changes.record("rename", ("ada", "ada2"), reason="a new account")
    store.class_changes.record("team", ("alpha", "ada2", "ben"), "challenge", reason="they work together")
    roster = store.class_changes.roster()
    roster.unit("ada", "challenge")                 # "alpha": who the hand-ins of ada count for
    roster.members("alpha", "challenge")            # ("ada2", "ben")

A change is a record in the chain, and nothing else is written: hand-ins stay under the name under which they came, and
names are resolved when they are read. So a change is taken back by another record, `undo`, and every hand-in is then
whose it was before.
"""

from __future__ import annotations

import datetime as dt
import difflib
import getpass
import os
import platform
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from autograder.store.chain import Chain
from autograder.store.database import Database
from autograder.store.models import StoredClassChange, StoredSubmission, utc_now
from course.errors import UsageError

ChangeKind = Literal["drop", "rename", "merge", "hide", "team", "undo"]
TEAM_SIZES = (2, 3)


@dataclass(frozen=True)
class ClassChange:
    """One record. `names`: the student; for rename and merge the old and the new id; for a team its name and members.

    `undoes` is the number of the change that an `undo` takes back.
    """

    number: int
    kind: ChangeKind
    names: tuple[str, ...]
    assignment: str
    undoes: int | None
    reason: str
    changed_by: str
    changed_at: dt.datetime

    def __str__(self) -> str:
        first, *others = self.names or ("",)
        return {
            "drop": f"{first} is dropped",
            "rename": f"{first} is renamed to {', '.join(others)}",
            "merge": f"{first} is merged into {', '.join(others)}",
            "hide": f"{first} is hidden",
            "team": f"{first} is a team in {self.assignment}: {', '.join(others)}",
            "undo": f"change {self.undoes} is taken back",
        }[self.kind]


class Undoable(Protocol):
    """A record that another one may take back; `undoes` is the number of the one that it takes back itself."""

    @property
    def number(self) -> int: ...

    @property
    def undoes(self) -> int | None: ...


def taken_back(records: Sequence[Undoable]) -> frozenset[int]:
    """The numbers of the records, in their order, that are not in force."""
    undone: set[int] = set()
    for record in reversed(records):  # an undo that was itself taken back undoes nothing
        if record.undoes is not None and record.number not in undone:
            undone.add(record.undoes)
    return frozenset(undone)


class Roster:
    """Who is who, by the class changes that are in force.

    A *unit* is what hands in: a student under the present id, or in an assignment with teams a team under its name.
    """

    def __init__(self, changes: Sequence[ClassChange] = ()):
        self.changes, self.undone = tuple(changes), taken_back(changes)
        self.in_force = tuple(c for c in changes if c.kind != "undo" and c.number not in self.undone)
        self._new_names = {c.names[0]: c for c in self.in_force if c.kind in ("rename", "merge")}

    @property
    def version(self) -> int:
        """The number of the last change; 0 without any."""
        return self.changes[-1].number if self.changes else 0

    def student(self, name: str) -> str:
        """The present id of a student who handed in as `name`."""
        while name in self._new_names:
            name = self._new_names[name].names[1]
        return name

    def unit(self, name: str, assignment: str) -> str:
        """Who a hand-in under `name` counts for."""
        student = self.student(name)
        return next((team for team, members in self.teams(assignment).items() if student in members), student)

    def members(self, unit: str, assignment: str) -> tuple[str, ...]:
        """The students who get the grade of a unit: those of a team, else the one."""
        return self.teams(assignment).get(unit, (unit,))

    def names(self, unit: str, assignment: str) -> tuple[str, ...]:
        """All names under which a unit may hand in: the team's, its members' and earlier ones."""
        candidates = dict.fromkeys([unit, *self.members(unit, assignment), *self._new_names])
        return tuple(name for name in candidates if self.unit(name, assignment) == unit)

    def names_of(self, name: str, assignment: str | None) -> frozenset[str]:
        """All names under which the unit of `name` may hand in to an assignment; None is any."""
        each = [assignment] if assignment is not None else ["", *self._teams]
        return frozenset(other for a in each for other in self.names(self.unit(name, a), a))

    def teams(self, assignment: str) -> dict[str, tuple[str, ...]]:
        """Team -> its members' present ids."""
        return self._teams.get(assignment, {})

    @cached_property
    def team_names(self) -> frozenset[str]:
        """Of all assignments."""
        return frozenset(team for teams in self._teams.values() for team in teams)

    def is_dropped(self, student: str) -> bool:
        return student in self._named("drop")

    def has_left(self, unit: str, assignment: str) -> bool:
        """Whether every student who gets the grade of a unit is dropped."""
        return self._named("drop").issuperset(self.members(unit, assignment))

    def is_shown(self, unit: str, assignment: str) -> bool:
        """Whether the leaderboard shows a unit: a team as long as one of its members is neither hidden nor dropped."""
        away = self._named("drop") | self._named("hide")
        return unit not in self._named("hide") and not away.issuperset(self.members(unit, assignment))

    def first_name(self, unit: str) -> str:
        """The id that a unit had before it was renamed; a pseudonym is made of it, and so stays the same."""
        before = {new: old for old, new in (c.names for c in self.in_force if c.kind == "rename")}
        while unit in before:
            unit = before[unit]
        return unit

    @cached_property
    def _teams(self) -> dict[str, dict[str, tuple[str, ...]]]:
        teams: dict[str, dict[str, tuple[str, ...]]] = {}
        for change in self.in_force:
            if change.kind == "team":
                members = tuple(dict.fromkeys(self.student(name) for name in change.names[1:]))
                teams.setdefault(change.assignment, {})[change.names[0]] = members
        return teams

    def _named(self, kind: ChangeKind) -> set[str]:
        return {self.student(c.names[0]) for c in self.in_force if c.kind == kind}

    # --- may a change be made? Each of these raises UsageError if not.

    def check(self, kind: ChangeKind, names: Sequence[str], assignment: str, handed_in: Collection[str]) -> None:
        """`handed_in` are the names in the store. Whether other names are known is for the caller to ask."""
        if kind == "team":
            self._check_team(names[0], names[1:], assignment)
            return
        for name in names if kind == "merge" else names[:1]:
            self._check_present(name)
            if kind != "hide" and (team := self._find("team", name)):
                raise UsageError(f"{name} is a team (change {team.number}). Name a student, or take that change back.")
        if kind in ("rename", "merge"):
            self._check_new_name(kind, names[0], names[1], handed_in)
        elif same := next((c for c in self.in_force if c.kind == kind and self.student(c.names[0]) == names[0]), None):
            raise UsageError(f"{names[0]} was {'dropped' if kind == 'drop' else 'hidden'} before: {_describe(same)}.")

    def check_undo(self, number: int, handed_in: Collection[str]) -> None:
        change = next((c for c in self.changes if c.number == number), None)
        if change is None:
            raise UsageError(f"There is no change {number}. `autograder students list` shows all.")
        if number in self.undone:
            raise UsageError(f"Change {number} is taken back already.")
        if change.kind == "undo":
            again = next(c for c in self.changes if c.number == change.undoes)
            if again.kind == "undo":
                raise UsageError(f"Change {number} is an undo of an undo. Make the change {again.undoes} anew.")
            self.check(again.kind, again.names, again.assignment, handed_in)
            return
        made = {"rename": change.names[1:], "team": change.names[:1]}.get(change.kind, ())
        if later := next((c for c in self.in_force if c.number > number and {*made} & {*c.names}), None):
            raise UsageError(f"Change {later.number} rests on it ({later}). Take that one back first.")

    def _check_present(self, name: str) -> None:
        if name in self._new_names:
            change = self._new_names[name]
            raise UsageError(f"{name} is {self.student(name)} now ({_describe(change)}). Name {self.student(name)}.")

    def _check_new_name(self, kind: ChangeKind, old: str, new: str, handed_in: Collection[str]) -> None:
        if old == new:
            raise UsageError(f"{old} is called so already. Name another id.")
        if (change := self._new_names.get(new)) is not None:
            raise UsageError(
                f"{new} is an earlier id: {_describe(change)}. Take that back with "
                f"`autograder students undo {change.number}`, or choose another id."
            )
        if kind == "rename":
            if new in handed_in or any(new in c.names for c in self.in_force):
                raise UsageError(
                    f"{new} is in the class already. If both are one person: `autograder students merge {old} {new}`."
                )
            return
        for assignment, teams in self._teams.items():
            of_both = [[team for team, members in teams.items() if name in members] for name in (old, new)]
            if all(of_both) and of_both[0] != of_both[1]:
                raise UsageError(
                    f"{old} and {new} are in two teams in {assignment}, {of_both[0][0]} and {of_both[1][0]}. Take one "
                    "of these back first."
                )

    def _check_team(self, team: str, members: Sequence[str], assignment: str) -> None:
        if len(members) not in TEAM_SIZES:
            raise UsageError(f"A team has 2 or 3 members, and {team} has {len(members)}. First comes the team's name.")
        if team in members or len(set(members)) < len(members):
            raise UsageError(f"Each name is given once: first the team's own, then its members. Given: {team}, "
                             f"{', '.join(members)}.")  # fmt: skip
        if known := next((c for c in self.in_force if team in (c.names[1:] if c.kind == "team" else c.names)), None):
            raise UsageError(f"{team} is a student ({_describe(known)}), and no team can be called so.")
        if same := next((c for c in self.in_force if (c.names[0], c.assignment) == (team, assignment)), None):
            raise UsageError(f"There is a team {team} in {assignment}: {_describe(same)}. Take that back first.")
        for name in members:
            self._check_present(name)
            if other := self._find("team", name):
                raise UsageError(f"{name} is a team (change {other.number}), and a team cannot be in a team.")
            if self.is_dropped(name):
                raise UsageError(f"{name} is dropped. Take that back first: `autograder students list` has its number.")
            if (unit := self.unit(name, assignment)) != name:
                raise UsageError(f"{name} is in the team {unit} in {assignment}, and can be in one alone.")

    def _find(self, kind: ChangeKind, name: str) -> ClassChange | None:
        return next((c for c in self.in_force if c.kind == kind and c.names[0] == name), None)


class ClassChanges:
    """The part of a store that keeps the class changes. Every method may raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def roster(self) -> Roster:
        """Raises GraderError if a record is not what was written."""
        return self._database.read(lambda session: load_roster(session, self._database.chain))

    def record(
        self,
        kind: ChangeKind,
        names: Sequence[str],
        assignment: str = "",
        *,
        reason: str,
        undoes: int | None = None,
        known: Collection[str] | None = (),
    ) -> ClassChange:
        """Add a change. Raises UsageError if it contradicts another one, or concerns a name that is not known.

        Known are the names in the store, those of other changes, and `known`; None lets any name pass.
        """

        def add(session: Session) -> ClassChange:
            roster = load_roster(session, self._database.chain)
            handed_in = set(session.scalars(select(StoredSubmission.student)))
            if undoes is not None:
                roster.check_undo(undoes, handed_in)
            else:
                if known is not None:
                    mentioned = {name for change in roster.in_force for name in change.names}
                    _check_known(_existing(kind, names), handed_in | mentioned | set(known))
                roster.check(kind, names, assignment, handed_in)
            row = StoredClassChange(
                kind=kind,
                names=list(names),
                assignment=assignment,
                undoes=undoes,
                reason=reason,
                changed_by=current_user(),
                changed_at=utc_now(),
            )
            session.add(row)
            session.flush()
            self._database.chain.append(session, [row])
            return _class_change(row)

        return self._database.write(add)


def load_roster(session: Session, chain: Chain) -> Roster:
    """Raises GraderError if a change is not what was written."""
    rows = session.scalars(select(StoredClassChange).order_by(StoredClassChange.id)).all()
    chain.check(session, rows)
    return Roster([_class_change(row) for row in rows])


def _class_change(row: StoredClassChange) -> ClassChange:
    kind = cast(ChangeKind, row.kind)  # the chain says that we wrote it
    return ClassChange(
        row.id, kind, tuple(row.names), row.assignment, row.undoes, row.reason, row.changed_by, row.changed_at
    )


def _existing(kind: ChangeKind, names: Sequence[str]) -> Sequence[str]:
    """The names that must be known: a new id and a team's name need not be."""
    return {"rename": names[:1], "team": names[1:]}.get(kind, names)


def _check_known(names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, known, 1)
            raise UsageError(
                f"There is no student {name!r}{f'; there is {similar[0]!r}' if similar else ''}. Known is who has "
                "an attempt in the store, and who is in the gradebook or in submitted/ of --course-dir. For anybody "
                "else add --unknown."
            )


def _describe(change: ClassChange) -> str:
    """`change 3 of 2026-03-01 by kim@host: ada is dropped`."""
    return f"change {change.number} of {change.changed_at:%Y-%m-%d} by {change.changed_by}: {change}"


def current_user() -> str:
    """`kim@host`, for a record."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = f"user {os.getuid()}"
    return f"{user}@{platform.node()}"
