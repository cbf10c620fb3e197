"""Grades for a learning management system, point by point: plugins of `nbgrader export`.

    nbgrader export --exporter=autograder.nbgrader_plugins.CanvasExport --to=canvas.csv
    nbgrader export --exporter=autograder.nbgrader_plugins.MoodleExport --to=moodle.csv

One line for each student, one column for each graded cell, and one for the whole assignment less the penalty for being
late. A cell that still waits for a person has an empty field, and so has its assignment: both systems leave alone what
they have there. Who handed in nothing has 0. `--LmsExport.total=False` leaves out the whole assignment.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin
from traitlets import Bool


@dataclass(frozen=True)
class Column:
    """A column of grades: its title, the most points there are, and each student's points (None: not graded yet)."""

    title: str
    most: float
    points: dict[str, float | None]


class LmsExport(ExportPlugin):
    """What Canvas and Moodle have in common."""

    destination: str

    total = Bool(
        True, help="A column for the whole assignment too; a system that adds up columns counts it twice."
    ).tag(config=True)

    def head(self) -> list[str]:
        """The titles of the columns that say who a student is."""
        raise NotImplementedError

    def who(self, student) -> list[str]:
        raise NotImplementedError

    def rows_above(self, columns: list[Column]) -> list[list[str]]:
        """Rows between the titles and the students."""
        return []

    def export(self, gradebook: Gradebook) -> None:
        """Write the file; nbgrader calls this."""
        students = [s for s in gradebook.students if not self.student or s.id in map(str, self.student)]
        chosen = [a for a in gradebook.assignments if not self.assignment or a.name in map(str, self.assignment)]
        columns = [column for a in chosen for column in self._columns(gradebook, a, students)]
        for column in columns:
            if waiting := sum(points is None for points in column.points.values()):
                self.log.warning("%s: %d not graded yet, left empty", column.title, waiting)
        to = self.to or self.destination
        with open(to, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(self.head() + [column.title for column in columns])
            table.writerows(self.rows_above(columns))
            for student in students:
                table.writerow(self.who(student) + [_number(column.points[student.id]) for column in columns])
        self.log.info("%d students, %d columns of points: %s", len(students), len(columns), to)

    def _columns(self, gradebook: Gradebook, assignment, students) -> list[Column]:
        """Each graded cell in the notebook's order, then the whole."""
        cells = [
            (notebook.name, source.name)
            for notebook in assignment.notebooks
            for source in notebook.source_cells
            if source.name in {cell.name for cell in (*notebook.grade_cells, *notebook.task_cells)}
        ]
        most = {(cell.notebook.name, cell.name): cell.max_score for n in assignment.notebooks for cell in _graded(n)}
        found = {student.id: _scores(gradebook, assignment.name, student.id) for student in students}
        columns = []
        for notebook, name in cells:
            title = (
                f"{assignment.name}: {name}" if notebook == assignment.name else f"{assignment.name}: {notebook} {name}"
            )
            points = {s: scores.get((notebook, name)) if scores else 0.0 for s, scores in found.items()}
            columns.append(Column(title, most[notebook, name], points))
        if not self.total:
            return columns
        whole = {student: _whole(gradebook, assignment.name, student, scores) for student, scores in found.items()}
        return [*columns, Column(f"{assignment.name}: total", assignment.max_score, whole)]


class CanvasExport(LmsExport):
    """For Canvas: Grades, Import. Students are known by their login; a column without a number makes an assignment."""

    destination = "canvas.csv"

    def head(self) -> list[str]:
        return ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]

    def who(self, student) -> list[str]:
        name = ", ".join(part for part in (student.last_name, student.first_name) if part) or student.id
        return [name, "", student.lms_user_id or "", student.id, ""]

    def rows_above(self, columns: list[Column]) -> list[list[str]]:
        return [["    Points Possible", "", "", "", "", *(_number(column.most) for column in columns)]]


class MoodleExport(LmsExport):
    """For Moodle: Grades, Import, CSV file. Map users by `Username` or `Email address`, and columns by their titles."""

    destination = "moodle.csv"

    def head(self) -> list[str]:
        return ["Username", "First name", "Last name", "ID number", "Email address"]

    def who(self, student) -> list[str]:
        known = (student.first_name, student.last_name, student.lms_user_id, student.email)
        return [student.id, *(part or "" for part in known)]


def _graded(notebook) -> list:
    return [*notebook.grade_cells, *notebook.task_cells]


def _scores(gradebook: Gradebook, assignment: str, student: str) -> dict[tuple[str, str], float | None]:
    """(notebook, cell) -> points, None while a person has to look; empty when nothing was handed in."""
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return {}
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    return {(g.notebook.name, g.name): None if g.needs_manual_grade else g.score for g in grades}


def _whole(gradebook: Gradebook, assignment: str, student: str, scores: dict) -> float | None:
    if not scores:
        return 0.0
    if None in scores.values():
        return None
    submission = gradebook.find_submission(assignment, student)
    return max(0.0, submission.score - (submission.late_submission_penalty or 0.0))


def _number(points: float | None) -> str:
    return "" if points is None else f"{points:.2f}".rstrip("0").rstrip(".")
