"""Grades for a learning management system, cell by cell: plugins of `nbgrader export`.

    nbgrader export --exporter=autograder.nbgrader_plugins.CanvasExport --to=canvas.csv
    nbgrader export --exporter=autograder.nbgrader_plugins.MoodleExport --to=moodle.csv

The file has one line for each student, one column for each graded cell, and one for the total of each assignment, less
the penalty for a late submission. While a cell waits for manual grading, its field and that of the total are empty:
both systems leave the grades unchanged where a field is empty. A student who handed in nothing gets 0, but an
assignment that nobody has handed in is left out, unless `--assignment='["challenge"]'` names it.
Students are those of the class by `autograder students`: dropped ones have no line, renamed and merged ones the present
id, and a team's hand-in counts for each member. `--LmsExport.total=False` leaves out the totals; the penalty is then
taken from the cells, in proportion.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, Student
from nbgrader.plugins import ExportPlugin
from traitlets import Bool

from autograder.console import ExitCode
from autograder.console.spreadsheets import csv_text
from autograder.nbgrader_plugins.given_grades import AnyGradebook, class_gradebook, renew_late_penalties
from autograder.nbgrader_plugins.gradebook_version import gradebook_problem
from course.errors import CourseError, UsageError
from course.files import write_atomically

CellScores = dict[tuple[str, str], float | None]  # (notebook, cell) -> points; None: needs manual grading


@dataclass(frozen=True)
class GradeColumn:
    """One column of the file. `points` maps each student's id to points; None means not graded yet."""

    title: str
    max_points: float
    points: dict[str, float | None]


class LmsExport(ExportPlugin):
    """What the exports for Canvas and Moodle share."""

    default_path: str

    total = Bool(
        True, help="Add a column with the total of each assignment; a system that adds up columns counts it twice."
    ).tag(config=True)

    def student_titles(self) -> list[str]:
        """The titles of the columns that identify a student."""
        raise NotImplementedError

    def student_fields(self, student: Student) -> list[str]:
        """The student's fields in these columns."""
        raise NotImplementedError

    def rows_above_students(self, columns: Sequence[GradeColumn]) -> list[list[str]]:
        """Rows between the titles and the students."""
        return []

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        coursedir = getattr(self.parent, "coursedir", None)  # nbgrader opens the gradebook after this
        if coursedir is not None and (problem := gradebook_problem(coursedir.db_url)):
            self._fail(problem)

    def export(self, gradebook: Gradebook) -> None:
        """Write the file. nbgrader calls this."""
        try:
            self._export(class_gradebook(gradebook, self))
        except CourseError as error:
            self._fail(str(error), ExitCode.of(error))

    def _fail(self, message: str, code: ExitCode = ExitCode.WRONG_USE) -> None:
        self.log.error(message)
        sys.exit(code)

    def _export(self, gradebook: AnyGradebook) -> None:
        students = _chosen("student", self.student, {str(s.id): s for s in gradebook.students})
        assignments = _chosen("assignment", self.assignment, {str(a.name): a for a in gradebook.assignments})
        if not self.assignment:
            assignments = self._handed_in(assignments)
        submitted = [submission for a in assignments for submission in a.submissions]
        renew_late_penalties(gradebook, submitted, self)
        columns = [column for a in assignments for column in self._columns(gradebook, a, students)]
        for column in columns:
            if ungraded := sum(points is None for points in column.points.values()):
                self.log.warning("%s: %d not graded yet, left empty", column.title, ungraded)
        rows = [self.student_titles() + [column.title for column in columns], *self.rows_above_students(columns)]
        for student in students:
            rows.append(self.student_fields(student) + [_format_points(c.points[student.id]) for c in columns])
        path = Path(self.to or self.default_path)
        try:
            write_atomically(path, csv_text(rows))
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
        self.log.info("%d students, %d columns of points: %s", len(students), len(columns), path)

    def _handed_in(self, assignments: Sequence[Assignment]) -> list[Assignment]:
        """Without those that nobody has handed in: as a rule nobody was given them, and 0 would be a grade."""
        empty = [a.name for a in assignments if not a.submissions]
        if empty:
            self.log.warning("Left out, since nobody has handed in: %s. Name one with --assignment.", ", ".join(empty))
        return [a for a in assignments if a.submissions]

    def _columns(
        self, gradebook: AnyGradebook, assignment: Assignment, students: Sequence[Student]
    ) -> list[GradeColumn]:
        """A column for each graded cell, in the notebook's order, and one for the total."""
        scores = {student.id: _cell_scores(gradebook, assignment.name, student.id) for student in students}
        if not self.total:
            scores = {
                student: _less_penalty(gradebook, assignment.name, student, cells) for student, cells in scores.items()
            }
        columns = []
        for (notebook, cell), max_points in _max_points(assignment).items():
            title = f"{assignment.name}: {cell if notebook == assignment.name else f'{notebook} {cell}'}"
            points = {student: cells.get((notebook, cell)) if cells else 0.0 for student, cells in scores.items()}
            columns.append(GradeColumn(title, max_points, points))
        if self.total:
            totals = {student: _total(gradebook, assignment.name, student, cells) for student, cells in scores.items()}
            columns.append(GradeColumn(f"{assignment.name}: total", assignment.max_score, totals))
        return columns


class CanvasExport(LmsExport):
    """For Canvas: Grades, Import. Students are identified by their login; a column without an id adds an assignment."""

    default_path = "canvas.csv"

    def student_titles(self) -> list[str]:
        return ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]

    def student_fields(self, student: Student) -> list[str]:
        name = ", ".join(part for part in (student.last_name, student.first_name) if part) or student.id
        return [name, "", student.lms_user_id or "", student.id, ""]

    def rows_above_students(self, columns: Sequence[GradeColumn]) -> list[list[str]]:
        return [["    Points Possible", "", "", "", "", *(_format_points(column.max_points) for column in columns)]]


class MoodleExport(LmsExport):
    """For Moodle: Grades, Import, CSV file. Map users by `Username` or `Email address`, and columns by their titles."""

    default_path = "moodle.csv"

    def student_titles(self) -> list[str]:
        return ["Username", "First name", "Last name", "ID number", "Email address"]

    def student_fields(self, student: Student) -> list[str]:
        optional = (student.first_name, student.last_name, student.lms_user_id, student.email)
        return [student.id, *(field or "" for field in optional)]


def _chosen(what: str, names: Sequence[Any], known: dict[str, Any]) -> list[Any]:
    """Those with these names, or all without a name. Raises UsageError for a name that is not known."""
    wanted = [str(name) for name in names]
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(
            f"The gradebook has no {what} {', '.join(map(repr, unknown))}. It has: {', '.join(known) or 'none'}."
        )
    return [value for name, value in known.items() if not wanted or name in wanted]


def _max_points(assignment: Assignment) -> dict[tuple[str, str], float]:
    """(notebook, cell) -> the points of each graded cell, in the notebook's order."""
    max_points = {}
    for notebook in assignment.notebooks:
        graded = {cell.name: float(cell.max_score) for cell in (*notebook.grade_cells, *notebook.task_cells)}
        for source in notebook.source_cells:
            if source.name in graded:
                max_points[notebook.name, source.name] = graded[source.name]
    return max_points


def _cell_scores(gradebook: AnyGradebook, assignment: str, student: str) -> CellScores:
    """Empty when nothing was handed in."""
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return {}
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    return {
        (grade.notebook.name, grade.name): None if grade.needs_manual_grade else float(grade.score) for grade in grades
    }


def _total(gradebook: AnyGradebook, assignment: str, student: str, scores: CellScores) -> float | None:
    if not scores:
        return 0.0
    if None in scores.values():
        return None
    submission = gradebook.find_submission(assignment, student)
    return max(0.0, float(submission.score) - float(submission.late_submission_penalty or 0.0))


def _less_penalty(gradebook: AnyGradebook, assignment: str, student: str, scores: CellScores) -> CellScores:
    """The points of the cells with the late penalty taken from each in proportion: they add up to the total."""
    points = sum(score or 0.0 for score in scores.values())
    if not points:
        return scores
    penalty = float(gradebook.find_submission(assignment, student).late_submission_penalty or 0.0)
    share = max(0.0, 1.0 - penalty / points)
    return {cell: None if score is None else score * share for cell, score in scores.items()}


def _format_points(points: float | None) -> str:
    return "" if points is None else f"{points:.2f}".rstrip("0").rstrip(".")
