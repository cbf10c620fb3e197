"""What the gradebook hands out: the late penalty as it is today, and no score that was never given.

nbgrader computes the penalty for a late submission when it autogrades, and keeps that number. Points that a person
gives later would be handed out in spite of the penalty `zero`, and an extension would change nothing. So feedback and
exports ask the course's penalty plugin again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook, SubmittedAssignment
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties, GetGrades
from traitlets.config import Configurable

from autograder.grading.unfinished import has_mark
from course.errors import GraderError


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
                    f"`nbgrader autograde {assignment} --student={student} --force`."
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


class CsvExport(CsvExportPlugin):
    """What `nbgrader export` writes by default, with today's late penalties."""

    def export(self, gradebook: Gradebook) -> None:
        submissions = [submission for assignment in gradebook.assignments for submission in assignment.submissions]
        renew_late_penalties(gradebook, submissions, self)
        super().export(gradebook)
