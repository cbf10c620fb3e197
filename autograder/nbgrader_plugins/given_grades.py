"""What the gradebook hands out: the late penalty as it is today, and no score that was never given.

nbgrader computes the penalty for a late submission when it autogrades, and keeps that number. Points that a person
gives later would be handed out in spite of the penalty `zero`, and an extension would change nothing. So feedback and
exports ask the course's penalty plugin again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry, Student, SubmittedAssignment
from nbgrader.apps.baseapp import NbGrader
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties, GetGrades
from traitlets.config import Configurable

from autograder.console import ExitCode, student_name
from autograder.console.text import nbgrader_command
from autograder.grading.unfinished import has_mark
from autograder.store import Roster, open_store
from autograder.store.engine import store_of_course
from course.errors import CourseError, GraderError
from course.rules import choose_course


class ScoredNotebook(Protocol):
    """A notebook of the gradebook, or what was read of it."""

    @property
    def score(self) -> float: ...


class LatePenalties:
    """The course's plugin for late penalties. `settings` is a `parent` or a `config` of traitlets."""

    def __init__(self, **settings: Any):
        self._assigner = AssignLatePenalties(**settings)
        self._assigner.init_plugin()

    def penalty(self, student: str, notebook: ScoredNotebook, seconds_late: float) -> float | None:
        """In points of the notebook, for its score of now; None is none."""
        if seconds_late <= 0:
            return None
        penalty = self._assigner.plugin_inst.late_submission_penalty(student, notebook.score, seconds_late)
        return None if penalty is None else float(self._assigner._check_late_penalty(notebook, penalty))


def renew_late_penalties(
    gradebook: Gradebook, submissions: Iterable[SubmittedAssignment], parent: Configurable
) -> None:
    """The penalty of each submission, from its score, its due date and its extension of now. `parent` has the settings.

    A submission without a timestamp or a due date is left alone: whether it is late is not known.
    """
    penalties = LatePenalties(parent=parent)
    for submission in submissions:
        if submission.timestamp is None or submission.assignment.duedate is None:
            continue
        late = submission.total_seconds_late
        for notebook in submission.notebooks:
            penalty = penalties.penalty(submission.student.id, notebook, late)
            if penalty != notebook.late_submission_penalty:
                notebook.late_submission_penalty = penalty
    gradebook.db.commit()


class GivenGrades(GetGrades):
    """Puts the gradebook's scores into the feedback. Raises GraderError if the notebook was not graded to its end."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        names: dict[str, str] = resources["nbgrader"]
        student, assignment, notebook = names["student"], names["assignment"], names["notebook"]
        with Gradebook(names["db_url"]) as gradebook:
            submission = gradebook.find_submission(assignment, student)
            grades = gradebook.find_submission_notebook(notebook, assignment, student).grades
            given = {grade.name for grade in grades if grade.auto_score is not None or grade.manual_score is not None}
            if has_mark(nb) or _autograded_cells(nb) - given:
                raise GraderError(
                    f"{assignment} of {student} was not autograded to its end, so there is no feedback yet. Run "
                    f"`{nbgrader_command('autograde', assignment, student, force=True)}`."
                )
            renew_late_penalties(gradebook, [submission], self)
        result: tuple[NotebookNode, dict[str, Any]] = super().preprocess(nb, resources)
        return result


def _autograded_cells(nb: NotebookNode) -> set[str]:
    """The names of the cells to which autograding always gives a score."""
    return {
        cell.metadata.nbgrader.grade_id
        for cell in nb.cells
        if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)
    }


class ClassGradebook:
    """A gradebook as the class changes have it: for exports, which ask it in the place of nbgrader's.

    nbgrader's keeps every grade under the name of its hand-in, and nothing is moved or deleted there. `students` are
    those of the class: without the dropped, earlier ids and teams. For each of them `find_submission` answers with what
    was handed in last under any of the student's names, or by the team.
    """

    def __init__(self, gradebook: Gradebook, roster: Roster):
        self._gradebook, self._roster = gradebook, roster
        self._ids = {student_name(student.id): str(student.id) for student in gradebook.students}
        self._enroll_missing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gradebook, name)

    @property
    def students(self) -> list[Student]:
        return [student for student in self._gradebook.students if self._is_in_class(student_name(student.id))]

    def find_submission(self, assignment: str, student: str) -> SubmittedAssignment:
        """Of equally late ones the student's own. Raises MissingEntry."""
        unit = self._roster.unit(student_name(student), assignment)
        ids = [self._ids[name] for name in self._roster.names(unit, assignment) if name in self._ids]
        found = []
        for name in dict.fromkeys([student, *ids]):
            with contextlib.suppress(MissingEntry):
                found.append(self._gradebook.find_submission(assignment, name))
        if not found:
            raise MissingEntry(f"Nothing was handed in to {assignment} for {student}.")
        return max(found, key=lambda submission: submission.timestamp or dt.datetime.min)

    def _is_in_class(self, name: str) -> bool:
        roster = self._roster
        return roster.student(name) == name and name not in roster.team_names and not roster.is_dropped(name)

    def _enroll_missing(self) -> None:
        """Add new ids, with what the gradebook has of the old one, and members of teams who are not in it yet."""
        for name in (name for change in self._roster.in_force for name in change.names[1:]):
            if name in self._ids or not self._is_in_class(name):
                continue
            known = self._ids.get(self._roster.first_name(name))
            old = self._gradebook.find_student(known) if known else None
            fields = ("first_name", "last_name", "email", "lms_user_id")
            self._gradebook.update_or_create_student(name, **{field: getattr(old, field, None) for field in fields})
            self._ids[name] = name


AnyGradebook: TypeAlias = Gradebook | ClassGradebook


def class_gradebook(gradebook: Gradebook, exporter: Configurable) -> AnyGradebook:
    """The gradebook by the class changes in the store of `exporter`'s settings. Raises UsageError, GraderError."""
    root = Path()
    if isinstance(exporter.parent, NbGrader):
        root = Path(exporter.parent.coursedir.root)
        choose_course(root)
    url = store_of_course(exporter.config.TrainedScore.get("store", ""), root)
    with open_store(url, read_only=True) as store:
        roster = store.class_changes.roster()
    return ClassGradebook(gradebook, roster) if roster.in_force else gradebook


class CsvExport(CsvExportPlugin):
    """What `nbgrader export` writes by default, with today's late penalties and by the class changes."""

    def export(self, gradebook: Gradebook) -> None:
        try:
            gradebook = class_gradebook(gradebook, self)
        except CourseError as error:
            self.log.error(str(error))
            sys.exit(ExitCode.of(error))
        submissions = [submission for assignment in gradebook.assignments for submission in assignment.submissions]
        renew_late_penalties(gradebook, submissions, self)
        super().export(gradebook)
