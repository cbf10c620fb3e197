"""A class at once: what is new is trained, several at a time, and nbgrader collects the results.

    untrained() -> run_batch (autograder.batch) -> uncollected() -> collect (collecting) -> report()

Nothing is remembered in between: each step reads submitted/, the store and the gradebook as they are now. So a command
that was interrupted at any moment is taken up by the same command, and what another process did meanwhile is not done
again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.batch import SubmissionFile, without_dropped
from autograder.batch.submissions import UNREADABLE_FILE_ERRORS
from autograder.console import student_name
from autograder.gradebook import commands
from autograder.gradebook.audit import audit
from autograder.gradebook.collecting import CollectDisplay, Collected, collect
from autograder.gradebook.course_view import CourseView, StudentWork, read_course
from autograder.gradebook.folders import find_folders
from autograder.gradebook.nbgrader_process import HandInToGrade
from autograder.gradebook.settings import CourseSettings
from autograder.gradebook.status import State, StudentStatus, status_of
from autograder.grading.options import Options
from autograder.grading.recorder import GradingRecorder
from autograder.grading.unfinished import STARTING_SECONDS
from autograder.nbgrader_plugins.trained_score import TRAINED_CELL
from autograder.store import Store
from course.errors import UsageError
from course.rules import assignments, load_rules

DONE = (State.GRADED, State.BY_HAND, State.ELSEWHERE, State.NOTHING)  # nobody's hand-in waits for the grader


@dataclass(frozen=True)
class ClassGrading:
    """The hand-ins of a course that are to be graded: of these students and assignments, or of all if there are none.

    The methods may raise GraderError, StoreError and UsageError.
    """

    settings: CourseSettings
    store: Store
    assignments: tuple[str, ...] = ()
    students: tuple[str, ...] = ()

    def options(self, assignment: str = "challenge") -> Options:
        """How `nbgrader autograde` trains in this course, so that it finds in the store what is trained here."""
        return self.settings.trained_score.options(assignment)

    def untrained(self) -> tuple[list[SubmissionFile], tuple[str, ...]]:
        """The hand-ins without a verdict by the rules, settings and versions of now; and a sentence for each dropped
        student. Raises UsageError if a student or an assignment was asked for that is not there.
        """
        view = self._view()
        self._check(view)
        submissions, notes = without_dropped(self._recipes(view), self.store)
        return [submission for submission in submissions if not self._has_verdict(submission)], notes

    def uncollected(self, failed: Collection[tuple[str, str]] = ()) -> tuple[list[HandInToGrade], bool]:
        """What `nbgrader autograde` would mend, by all that `status` and `audit` say; and whether another process is
        at something else just now. `failed` are left out: (student, assignment) that could not be trained.
        """
        view = self._view()
        steps: dict[tuple[str, str], set[str]] = {}
        for difference in audit(view).differences:
            steps.setdefault((difference.student, difference.assignment), set()).add(difference.next_step)
        found, is_busy = [], False
        for work in self._selected(view):
            status = status_of(work)
            says = {status.next_step, *steps.get((work.student, work.assignment), ())}
            if status.state is State.BEING_GRADED:
                is_busy = True
            elif (student_name(work.folder_name), work.assignment) in failed:
                continue
            elif commands.autograde(work, force=True) in says:
                found.append(HandInToGrade(work.folder_name, work.assignment, force=True))
            elif commands.autograde(work) in says:
                found.append(HandInToGrade(work.folder_name, work.assignment))
        return found, is_busy

    def report(self) -> ClassReport:
        """What has become of the class."""
        view = self._view()
        given = {(each.student, each.assignment): each.next_step for each in audit(view).differences}
        by_assignment: dict[str, list[StudentStatus]] = {}
        without_feedback: dict[str, str] = {}
        for work in self._selected(view, handed_in=False):
            status = status_of(work)
            by_assignment.setdefault(work.assignment, []).append(status)
            step = commands.generate_feedback(work)
            if status.has_grade and (work.feedback is None or given.get((work.student, work.assignment)) == step):
                without_feedback[work.assignment] = commands.for_everybody(step, work)
        reports = [
            AssignmentReport(name, tuple(statuses), without_feedback.get(name, ""))
            for name, statuses in by_assignment.items()
            if any(status.work.is_anywhere for status in statuses)
        ]
        return ClassReport(tuple(reports), () if self.students else view.left_out)

    def _view(self) -> CourseView:
        return read_course(self.settings, self.store)

    def _check(self, view: CourseView) -> None:
        if unknown := [name for name in self.assignments if name not in view.assignments]:
            raise UsageError(
                f"Nobody knows an assignment {unknown[0]!r} here. There is: {', '.join(view.assignments) or 'none'}."
            )
        roster = self.store.class_changes.roster()
        for student in self.students:
            if not any(replace(self, students=(student,))._selected(view)):
                dropped = " The student is dropped." if roster.is_dropped(roster.student(student_name(student))) else ""
                raise UsageError(f"There is no hand-in of {student} in submitted/.{dropped}")

    def _selected(self, view: CourseView, *, handed_in: bool = True) -> Iterator[StudentWork]:
        """The works that were asked for, of those who have handed in."""
        is_asked_for = self._filter()
        for work in view.works:
            if (work.hand_in or not handed_in) and is_asked_for(work.student, work.assignment):
                yield work

    def _filter(self) -> Callable[[str, str], bool]:
        """Whether a student's or team's work at an assignment was asked for, under whichever of the ids."""
        roster = self.store.class_changes.roster()

        def is_asked_for(student: str, assignment: str) -> bool:
            units = {roster.unit(student_name(name), assignment) for name in self.students}
            is_asked = not units or roster.unit(student, assignment) in units
            return is_asked and (not self.assignments or assignment in self.assignments)

        return is_asked_for

    def _recipes(self, view: CourseView) -> Iterator[SubmissionFile]:
        """Every notebook in submitted/ that is trained, those of earlier ids and of all members of a team too."""
        names = {work.assignment: cell.notebook for work in view.works for cell in work.known.cells
                 if cell.name == TRAINED_CELL and work.assignment in assignments()}  # fmt: skip
        is_asked_for = self._filter()
        for (student, assignment), folder in sorted(find_folders(self.settings, "submitted").items()):
            path = folder / f"{names.get(assignment, '')}.ipynb"
            if assignment in names and _exists(path) and is_asked_for(student_name(student), assignment):
                yield SubmissionFile(path, student_name(student), assignment)

    def _has_verdict(self, submission: SubmissionFile) -> bool:
        options, rules = self.options(submission.assignment), load_rules(submission.assignment)
        try:
            recorder = GradingRecorder(self.store, submission.path, rules, options, submission.student)
        except UNREADABLE_FILE_ERRORS:  # told when it is graded
            return False
        return recorder.reusable_verdict() is not None


def collect_class(
    grading: ClassGrading, display: CollectDisplay, failed: Collection[tuple[str, str]] = (), *, jobs: int = 1
) -> list[Collected]:
    """Let nbgrader collect the results; `failed` as for `uncollected`.

    What went wrong is tried once more, by itself: several processes share the gradebook. So is what another process
    seemed to begin just now, which may have been killed in the middle of that.
    """
    hand_ins, is_busy = grading.uncollected(failed)
    results = collect(hand_ins, grading.settings.root, display, jobs=jobs) if hand_ins else []
    again, deadline = [result.hand_in for result in results if result.problem], time.monotonic() + STARTING_SECONDS
    while is_busy and time.monotonic() < deadline:
        time.sleep(1)
        again, is_busy = grading.uncollected(failed)
    if again:
        results += collect(again, grading.settings.root, display)
    return list({(result.hand_in.student, result.hand_in.assignment): result for result in results}.values())


@dataclass(frozen=True)
class AssignmentReport:
    """An assignment afterwards. `feedback_step` is the command that makes feedback; empty if nobody lacks it."""

    assignment: str
    statuses: tuple[StudentStatus, ...]
    feedback_step: str = ""

    @property
    def verdicts(self) -> dict[str, int]:
        """How often each verdict counts, the most frequent first."""
        counting = [status.work.counting for status in self.statuses]
        return dict(Counter(attempt.verdict for attempt in counting if attempt and attempt.verdict).most_common())

    @property
    def is_done(self) -> bool:
        """Whether every hand-in is graded as far as a machine can."""
        return all(status.state in DONE for status in self.statuses)


@dataclass(frozen=True)
class ClassReport:
    """A class afterwards. `left_out` are sentences about what lies in submitted/ and is nobody's hand-in."""

    assignments: tuple[AssignmentReport, ...]
    left_out: Sequence[str] = ()

    @property
    def verdicts(self) -> dict[str, int]:
        """Of all assignments together, the most frequent first."""
        return dict(sum((Counter(report.verdicts) for report in self.assignments), Counter[str]()).most_common())

    @property
    def is_done(self) -> bool:
        return not self.left_out and all(report.is_done for report in self.assignments)


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()
