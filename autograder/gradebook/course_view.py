"""Everything that a course has of its students, read once and joined by student and assignment. Nothing is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from autograder.batch.submissions import left_out
from autograder.console import student_name
from autograder.gradebook.entries import (
    EnrolledStudent,
    GradebookContent,
    GradebookEntry,
    KnownAssignment,
    read_gradebook,
)
from autograder.gradebook.folders import (
    Autograded,
    FeedbackPages,
    HandIn,
    find_folders,
    read_autograded,
    read_feedback,
    read_hand_in,
    submitting_students,
)
from autograder.gradebook.settings import CourseSettings
from autograder.grading.times import shown
from autograder.leaderboard.class_state import ClassState
from autograder.leaderboard.ranking import LeaderboardRow
from autograder.leaderboard.settings import Settings
from autograder.nbgrader_plugins.given_grades import LatePenalties
from autograder.nbgrader_plugins.trained_score import TRAINED_CELL
from autograder.store import AttemptSummary, Roster, Store
from course.rules import assignments

V = TypeVar("V")
Found = dict[tuple[str, str], tuple[str, V]]  # (student, assignment) -> the student's name there, and what there is


@dataclass(frozen=True)
class StudentWork:
    """What every place has of one student's work at one assignment; None or empty where a place has nothing.

    `student` is the id as the store has it, or the name of a team. `folder_name` is the name of the hand-in as nbgrader
    has it: it differs by what nobody sees, or is an earlier id, or a member of the team. `attempts` are in the order of
    hand-in, and `row` is what the leaderboard shows of them.
    """

    student: str
    assignment: str
    folder_name: str
    known: KnownAssignment
    enrolled: EnrolledStudent | None = None
    hand_in: HandIn | None = None
    autograded: Autograded | None = None
    entry: GradebookEntry | None = None
    feedback: FeedbackPages | None = None
    attempts: tuple[AttemptSummary, ...] = ()
    row: LeaderboardRow | None = None

    @property
    def judged(self) -> tuple[AttemptSummary, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.verdict)

    @property
    def counting(self) -> AttemptSummary | None:
        """The attempt that the leaderboard counts; None if none has a verdict."""
        return next((a for a in self.judged if self.row and a.attempt_id == self.row.attempt_id), None)

    @property
    def is_scored(self) -> bool:
        """Whether the gradebook has a score, given by autograding or by a person."""
        cells = self.entry.cells if self.entry else ()
        return any(cell.auto_score is not None or cell.manual_score is not None for cell in cells)

    @property
    def newer(self) -> str:
        """How the hand-in differs from what was graded; empty if it does not. nbgrader sees a newer time by itself."""
        if self.hand_in is None or not self.is_scored:
            return ""
        time, graded = self.hand_in.time, self.autograded and self.autograded.handed_in
        if time and not time.from_file and graded and time.time > graded:
            return (
                f"it was handed in again at {format_time(time.time)}, and what was graded is of {format_time(graded)}"
            )
        if self.hand_in.digest and self.attempts and self.hand_in.digest not in {a.source_hash for a in self.attempts}:
            return "its recipe is not the one that was graded"
        return ""

    @property
    def is_anywhere(self) -> bool:
        """Whether some place has something of it."""
        return bool(self.hand_in or self.autograded or self.entry or self.feedback or self.attempts)


@dataclass(frozen=True)
class CourseView:
    """A course at one moment. `students` are those of all places together, by the class changes. For each of them, or
    their team, and each of `assignments` there is one of `works`. `left_out` are sentences about what lies in
    submitted/ and is nobody's hand-in.
    """

    settings: CourseSettings
    students: tuple[str, ...]
    assignments: tuple[str, ...]
    works: tuple[StudentWork, ...]
    store_name: str = ""  # for people
    left_out: tuple[str, ...] = ()

    def handed_in(self) -> tuple[str, ...]:
        """The assignments of which some place has something."""
        found = {work.assignment for work in self.works if work.is_anywhere}
        return tuple(name for name in self.assignments if name in found)


def read_course(settings: CourseSettings, store: Store) -> CourseView:
    """The course as it is now. `store` may be open for reading alone. Raises GraderError, StoreError."""
    gradebook = read_gradebook(settings.coursedir.db_url, LatePenalties(config=settings.config))
    leaderboard = ClassState(store, Settings(), everybody=True)
    leaderboard.refresh()
    return join(settings, gradebook, leaderboard)


def join(settings: CourseSettings, gradebook: GradebookContent, leaderboard: ClassState) -> CourseView:
    """All places together, by student and assignment."""
    doubles: list[str] = []
    submitted, autograded, feedback = (
        _by_student(find_folders(settings, step), doubles) for step in ("submitted", "autograded", "feedback")
    )
    entries = _by_student({(entry.student, entry.assignment): entry for entry in gradebook.entries}, doubles)
    roster = leaderboard.store.class_changes.roster()
    enrolled = {student_name(student.id): student for student in gradebook.students}
    places = _Places(gradebook, leaderboard, roster, enrolled, submitted, autograded, feedback, entries)
    keys = places.keys()
    known = {*enrolled, *submitting_students(settings), *(name for name, _ in keys)}
    names = _in_order({*(known.name for known in gradebook.assignments), *(name for _, name in keys)})
    works = tuple(places.work(unit, name) for name in names for unit in places.units(known, name))
    students = {student for name in known if (student := roster.student(name)) not in roster.team_names}
    students = {student for student in students if not roster.is_dropped(student)}
    problems = (*left_out(settings.folder("submitted", "", "")), *dict.fromkeys(doubles))
    return CourseView(settings, tuple(sorted(students)), names, works, leaderboard.store.name, problems)


@dataclass(frozen=True)
class _Places:
    """What was found, by (student, assignment), with the student's name there."""

    gradebook: GradebookContent
    leaderboard: ClassState
    roster: Roster
    enrolled: dict[str, EnrolledStudent]
    submitted: Found[Path]
    autograded: Found[Path]
    feedback: Found[Path]
    entries: Found[GradebookEntry]

    def keys(self) -> set[tuple[str, str]]:
        attempts = {(student, name) for name in assignments() for student in self.leaderboard.table(name).attempts}
        return {*self.submitted, *self.autograded, *self.feedback, *self.entries, *attempts}

    def units(self, names: Iterable[str], assignment: str) -> list[str]:
        """The students and teams of an assignment: no earlier ids, nobody who is dropped, no team of another one."""
        roster, keys = self.roster, self.keys()
        units = {roster.unit(name, assignment) for name in names}
        return sorted(
            unit
            for unit in units
            if not roster.has_left(unit, assignment)
            and (unit not in roster.team_names - roster.teams(assignment).keys() or (unit, assignment) in keys)
        )

    def work(self, unit: str, assignment: str) -> StudentWork:
        """The work of a student or team: what was handed in last under any of the names, and all attempts."""
        known = next((a for a in self.gradebook.assignments if a.name == assignment), KnownAssignment(assignment))
        recipe = next((cell.notebook for cell in known.cells if cell.name == TRAINED_CELL), assignment)
        table = self.leaderboard.table(assignment)
        key = (self._handed_in_as(unit, assignment, recipe), assignment)
        candidates = (self.enrolled.get(name) for name in (key[0], unit, *self.roster.members(unit, assignment)))
        enrolled = next(filter(None, candidates), None)
        found = [place[key] for place in (self.submitted, self.autograded, self.feedback) if key in place]
        hand_in = read_hand_in(self.submitted[key][1], recipe) if key in self.submitted else None
        notebooks = hand_in.notebooks if hand_in else ()
        return StudentWork(
            unit,
            assignment,
            found[0][0] if found else enrolled.id if enrolled else unit,
            known,
            enrolled,
            hand_in,
            read_autograded(self.autograded[key][1], notebooks, known.notebooks) if key in self.autograded else None,
            self.entries[key][1] if key in self.entries else None,
            read_feedback(self.feedback[key][1]) if key in self.feedback else None,
            tuple(table.attempts.get(unit, ())),
            table.student_rows.get(unit),
        )

    def _handed_in_as(self, unit: str, assignment: str, recipe: str) -> str:
        """The name under which a unit handed in last, as the exports choose it: of equally late ones the first."""
        names = self.roster.names(unit, assignment)
        start = dt.datetime.min.replace(tzinfo=dt.UTC)

        def time(name: str) -> tuple[bool, dt.datetime]:
            """Whether there is anything, and its time."""
            entry, folder = self.entries.get((name, assignment)), self.submitted.get((name, assignment))
            hand_in = read_hand_in(folder[1], recipe) if folder else None
            times = [entry and entry[1].handed_in, hand_in and hand_in.time and hand_in.time.time]
            return bool(entry or folder), max((time for time in times if time), default=start)

        return max(names, key=time) if len(names) > 1 else unit


def _by_student(found: dict[tuple[str, str], V], doubles: list[str]) -> Found[V]:
    """By the student's id as the store has it. A second name of the same one goes to `doubles`, as a sentence."""
    by_student: Found[V] = {}
    for (name, assignment), value in found.items():
        first, _ = by_student.setdefault((student_name(name), assignment), (name, value))
        if first != name:
            doubles.append(f"{name!a} and {first!a} are one student, and only {first!a} is looked at. Rename one.")
    return by_student


def format_time(time: dt.datetime) -> str:
    return f"{shown(time):%Y-%m-%d %H:%M:%S %Z}"


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the course in its order, then all others by name."""
    course = assignments()
    return tuple(sorted(names, key=lambda name: (course.index(name) if name in course else len(course), name)))
