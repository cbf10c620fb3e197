"""Which submissions a batch grades: found in nbgrader's folders or among plain files, selected, registered."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.console import printable_name
from autograder.grading.attempts import TIMESTAMP, handed_in, register
from autograder.store import Store
from course.errors import UsageError
from course.rules import assignments

SUBMITTED = "submitted"  # nbgrader's folder
SUFFIXES = (".ipynb", ".py")
UNREADABLE_FILE_ERRORS = (UsageError, OSError, ValueError, MemoryError)  # what reading one student's file may raise


@dataclass(frozen=True)
class SubmissionFile:
    """One submission to grade."""

    path: Path
    student: str
    assignment: str


@dataclass(frozen=True)
class FoundSubmissions:
    """The submissions to grade, and a sentence about each that was left out."""

    submissions: tuple[SubmissionFile, ...]
    notes: tuple[str, ...]


def find_submissions(folders: Iterable[Path], assignment: str | None, default_assignment: str) -> FoundSubmissions:
    """All submissions in `folders`, each once, sorted by assignment and student.

    Of nbgrader's layout, submitted/<student>/<assignment>/<file>, a folder may be the course, `submitted` or that of a
    student; `assignment` leaves out all others. In any other folder each file is a submission, named after its
    student, to `assignment` or `default_assignment`. A folder may also be a single file. Raises UsageError if there is
    no submission.
    """
    folders = list(folders)
    submissions: dict[tuple[str, str], SubmissionFile] = {}
    notes: list[str] = []
    for folder in folders:
        for submission in _in_folder(folder, assignment or default_assignment):
            if submission.assignment not in assignments():
                notes.append(
                    f"{submission.path} is left out: there are no rules for the assignment {submission.assignment!r}."
                )
            elif assignment in (None, submission.assignment):
                submissions.setdefault((submission.assignment, submission.student), submission)
    if not submissions:
        where = ", ".join(str(folder) for folder in folders)
        which = f"to {assignment} " if assignment else ""
        raise UsageError(
            f"There is no submission {which}in {where}. Name a folder with notebooks (.ipynb) or Python files (.py), "
            "or one in nbgrader's layout: submitted/<student>/<assignment>/<file>."
        )
    return FoundSubmissions(tuple(submissions[key] for key in sorted(submissions)), tuple(dict.fromkeys(notes)))


def select_submissions(
    submissions: Sequence[SubmissionFile], store: Store, students: Collection[str], verdicts: Collection[str]
) -> list[SubmissionFile]:
    """The submissions of these students, and those whose last attempt has one of these verdicts. Raises UsageError."""
    if unknown := sorted(set(students) - {submission.student for submission in submissions}):
        raise UsageError(f"There is no submission of {', '.join(unknown)} in these folders.")
    selected = [
        submission
        for submission in submissions
        if submission.student in students or (verdicts and _last_verdict(submission, store) in verdicts)
    ]
    if not selected:
        raise UsageError(f"No submission in these folders has the verdict {' or '.join(verdicts)}.")
    return selected


def register_submissions(submissions: Iterable[SubmissionFile], store: Store) -> tuple[str, ...]:
    """Enter every submission as an attempt, so that the leaderboard shows who is waiting.

    Returns a sentence about each time of hand-in that rests on an assumption. Raises StoreError.
    """
    notes, of_files = [], []
    for submission in submissions:
        with contextlib.suppress(*UNREADABLE_FILE_ERRORS):  # reported when the submission is graded
            register(store, submission.path, submission.student, submission.assignment)
            time = handed_in(submission.path)
            if time.from_file:
                of_files.append(submission.student)
            elif time.assumed:
                notes.append(f"{submission.student}, {submission.assignment}: {time.assumed}")
    if of_files:
        some = ", ".join(dict.fromkeys(of_files[:3])) + (f" and {len(of_files) - 3} more" if len(of_files) > 3 else "")
        notes.append(
            f"No {TIMESTAMP} says when {some} handed in: the times of the files themselves were taken, which a student "
            "can set."
        )
    return tuple(notes)


def _last_verdict(submission: SubmissionFile, store: Store) -> str | None:
    attempt = store.results.latest(submission.student, submission.assignment)
    return attempt.result.verdict if attempt else None


def _in_folder(folder: Path, assignment: str) -> Iterator[SubmissionFile]:
    folder = folder.absolute()
    if folder.is_file():
        yield SubmissionFile(folder, printable_name(folder.stem), assignment)
    elif not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.")
    elif (folder / SUBMITTED).is_dir():
        yield from _of_all_students(folder / SUBMITTED)
    elif folder.name == SUBMITTED:
        yield from _of_all_students(folder)
    elif folder.parent.name == SUBMITTED:
        yield from _of_student(folder)
    else:
        for path in _submission_files(folder):
            yield SubmissionFile(path, printable_name(path.stem), assignment)


def _of_all_students(folder: Path) -> Iterator[SubmissionFile]:
    for student in sorted(folder.iterdir()):
        yield from _of_student(student)


def _of_student(folder: Path) -> Iterator[SubmissionFile]:
    for assignment in sorted(folder.iterdir()) if folder.is_dir() else ():
        # the notebook has the name of the assignment; a student may have left other files in the folder
        files = sorted(
            _submission_files(assignment), key=lambda path: (path.stem != assignment.name, path.suffix != ".ipynb")
        )
        if files:
            yield SubmissionFile(files[0], printable_name(folder.name), assignment.name)


def _submission_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*")) if path.suffix in SUFFIXES and path.is_file()]
