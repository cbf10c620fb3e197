"""nbgrader's gradebook, read in a fixed number of queries, however large the class is. It is opened to be read only."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nbgrader.api import (
    Assignment,
    Grade,
    GradeCell,
    Notebook,
    SolutionCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from autograder.nbgrader_plugins.given_grades import LatePenalties
from course.errors import GraderError


@dataclass(frozen=True)
class EnrolledStudent:
    """A student of the gradebook."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""


@dataclass(frozen=True)
class GradedCell:
    """A cell that gives points. `by_hand`: a person grades it; otherwise autograding always gives a score."""

    notebook: str
    name: str
    max_points: float
    by_hand: bool = False


@dataclass(frozen=True)
class CellScore:
    """What one student has for a cell. None: that kind of score was not given."""

    cell: GradedCell
    auto_score: float | None = None
    manual_score: float | None = None
    extra_credit: float | None = None
    needs_manual_grade: bool = False

    @property
    def points(self) -> float:
        """As nbgrader adds them up: a person's score counts before the autograder's."""
        given = self.auto_score if self.manual_score is None else self.manual_score
        return 0.0 if given is None else given + (self.extra_credit or 0.0)

    @property
    def was_never_given(self) -> bool:
        """Whether autograding, which gives a score in any case, did not get there."""
        return not self.cell.by_hand and self.auto_score is None and self.manual_score is None


@dataclass(frozen=True)
class NotebookScore:
    """One notebook of a hand-in. `kept_penalty` is in the gradebook; `penalty` is that of now, as it is handed out."""

    name: str
    cells: tuple[CellScore, ...]
    kept_penalty: float = 0.0
    penalty: float = 0.0

    @property
    def score(self) -> float:
        return sum(cell.points for cell in self.cells)


@dataclass(frozen=True)
class GradebookEntry:
    """What the gradebook has of one student at one assignment. Times are in UTC."""

    student: str
    assignment: str
    notebooks: tuple[NotebookScore, ...]
    handed_in: dt.datetime | None = None
    due: dt.datetime | None = None  # with the extension
    extension: dt.timedelta | None = None

    @property
    def cells(self) -> tuple[CellScore, ...]:
        return tuple(cell for notebook in self.notebooks for cell in notebook.cells)

    @property
    def score(self) -> float:
        return sum(notebook.score for notebook in self.notebooks)

    @property
    def max_points(self) -> float:
        return sum(cell.cell.max_points for cell in self.cells)

    @property
    def penalty(self) -> float:
        return sum(notebook.penalty for notebook in self.notebooks)

    @property
    def kept_penalty(self) -> float:
        return sum(notebook.kept_penalty for notebook in self.notebooks)

    @property
    def waits_for_person(self) -> bool:
        return any(cell.needs_manual_grade for cell in self.cells)

    @property
    def total(self) -> float | None:
        """What the exports for Canvas and Moodle write; None, an empty field, while a person has to grade."""
        return None if self.waits_for_person else max(0.0, self.score - self.penalty)


@dataclass(frozen=True)
class KnownAssignment:
    """An assignment that `nbgrader generate_assignment` has entered. `due` is without anybody's extension, in UTC."""

    name: str
    due: dt.datetime | None = None
    notebooks: tuple[str, ...] = ()
    cells: tuple[GradedCell, ...] = ()


@dataclass(frozen=True)
class GradebookContent:
    """The whole gradebook, in no order."""

    students: tuple[EnrolledStudent, ...] = ()
    assignments: tuple[KnownAssignment, ...] = ()
    entries: tuple[GradebookEntry, ...] = ()


def read_gradebook(db_url: str, penalties: LatePenalties) -> GradebookContent:
    """Everything in the gradebook; one that does not exist is empty. Raises GraderError."""
    url = make_url(db_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).exists()):
        return GradebookContent()
    with _opened(db_url) as engine, Session(engine) as session:
        students = session.execute(
            select(Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id)
        )
        assignments, cells = _assignments(session)
        return GradebookContent(
            tuple(EnrolledStudent(*(str(field or "") for field in row)) for row in students),
            tuple(assignments.values()),
            tuple(_entries(session, assignments, cells, penalties)),
        )


@contextmanager
def _opened(db_url: str) -> Iterator[Engine]:
    """The gradebook as nothing can change it: SQLite's file is opened read-only."""
    url = make_url(db_url)
    if url.get_backend_name() == "sqlite":
        file = f"{Path(str(url.database)).absolute().as_uri()}?mode=ro"
        engine = create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(file, uri=True, timeout=30), poolclass=NullPool
        )
    else:
        engine = create_engine(url)
    try:
        yield engine
    except SQLAlchemyError as error:
        name, cause = url.render_as_string(hide_password=True), str(getattr(error, "orig", None) or error)
        raise GraderError(
            f"The gradebook {name} cannot be read: {cause.strip().splitlines()[0]}. If a command of nbgrader's was "
            "killed while it wrote, start that command again first."
        ) from None
    finally:
        engine.dispose()


def _assignments(session: Session) -> tuple[dict[str, KnownAssignment], dict[str, GradedCell]]:
    """By their ids: the assignments, and the cells of all of them that give points."""
    notebooks = {
        id: (a, str(name))
        for id, a, name in session.execute(select(Notebook.id, Notebook.assignment_id, Notebook.name))
    }
    written = set(session.execute(select(SolutionCell.notebook_id, SolutionCell.name)).tuples())
    cells: dict[str, GradedCell] = {}
    of_assignment: dict[str, list[GradedCell]] = defaultdict(list)
    for kind in (GradeCell, TaskCell):
        rows = session.execute(select(kind.id, kind.notebook_id, kind.name, kind.max_score, kind.cell_type))
        for id, notebook, name, max_score, cell_type in rows:
            by_hand = kind is TaskCell or cell_type != "code" or (notebook, name) in written
            assignment, notebook_name = notebooks[notebook]
            cells[id] = GradedCell(notebook_name, str(name), float(max_score or 0.0), by_hand)
            of_assignment[assignment].append(cells[id])
    assignments = {
        id: KnownAssignment(
            str(name), _utc(due), tuple(n for a, n in notebooks.values() if a == id), tuple(of_assignment[id])
        )
        for id, name, due in session.execute(select(Assignment.id, Assignment.name, Assignment.duedate))
    }
    return assignments, cells


def _entries(
    session: Session,
    assignments: dict[str, KnownAssignment],
    cells: dict[str, GradedCell],
    penalties: LatePenalties,
) -> Iterator[GradebookEntry]:
    notebooks_of = _notebook_scores(session, cells)
    s = SubmittedAssignment
    for row in session.execute(select(s.id, s.student_id, s.assignment_id, s.timestamp, s.extension)):
        known, student, handed_in = assignments[row.assignment_id], str(row.student_id), _utc(row.timestamp)
        due = known.due + row.extension if known.due and row.extension else known.due
        notebooks = notebooks_of[row.id]
        if due is not None and handed_in is not None:  # otherwise it is not known, and exports leave what is there
            late = (handed_in - due).total_seconds()
            notebooks = [replace(n, penalty=penalties.penalty(student, n, late) or 0.0) for n in notebooks]
        yield GradebookEntry(student, known.name, tuple(notebooks), handed_in, due, row.extension)


def _notebook_scores(session: Session, cells: dict[str, GradedCell]) -> dict[str, list[NotebookScore]]:
    """Id of a submission -> its notebooks, with the penalty that is kept."""
    scores: dict[str, list[CellScore]] = defaultdict(list)
    g = Grade
    columns = select(g.notebook_id, g.cell_id, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade)
    for notebook, cell, *score in session.execute(columns):
        scores[notebook].append(CellScore(cells[cell], *score))
    notebooks: dict[str, list[NotebookScore]] = defaultdict(list)
    n = SubmittedNotebook
    rows = select(n.id, n.assignment_id, Notebook.name, n.late_submission_penalty).join(
        Notebook, Notebook.id == n.notebook_id
    )
    for id, submission, name, penalty in session.execute(rows):
        kept = float(penalty or 0.0)
        notebooks[submission].append(NotebookScore(str(name), tuple(scores[id]), kept, kept))
    return notebooks


def _utc(time: dt.datetime | None) -> dt.datetime | None:
    """nbgrader keeps UTC without saying so."""
    return time and time.replace(tzinfo=dt.UTC)
