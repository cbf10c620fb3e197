"""Which submissions a batch grades: found in nbgrader's folders or among plain files, selected, registered."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.batch.leftovers import Leftovers, folders_in, has_submission_suffix, submission_files
from autograder.console import printable, student_name
from autograder.grading.attempts import TIMESTAMP, handed_in, register
from autograder.grading.plain_files import describe_special
from autograder.store import Store
from course.errors import UsageError
from course.rules import assignments

SUBMITTED = "submitted"  # nbgrader's folder
UNREADABLE_FILE_ERRORS = (UsageError, OSError, ValueError, MemoryError)  # what reading one student's file may raise


@dataclass(frozen=True)
class SubmissionFile:
    """One submission to grade."""

    path: Path
    student: str
    assignment: str


@dataclass(frozen=True)
class FoundSubmissions:
    """The submissions to grade, and a sentence about all that was left out.

    `missing` are the sentences about what may be somebody's work; `notes` are these and all others.
    """

    submissions: tuple[SubmissionFile, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...] = ()


def find_submissions(folders: Iterable[Path], assignment: str | None, default_assignment: str) -> FoundSubmissions:
    """All submissions in `folders`, each once, sorted by assignment and student.

    Of nbgrader's layout, submitted/<student>/<assignment>/<file>, a folder may be the course, `submitted` or that of a
    student; `assignment` leaves out all others. In any other folder each file is a submission, named after its
    student, to `assignment` or `default_assignment`. A folder may also be a single file. Raises UsageError if there is
    no submission.
    """
    folders = list(folders)
    submissions: dict[tuple[str, str], SubmissionFile] = {}
    leftovers, unknown = Leftovers(), list[str]()
    for folder in folders:
        for submission in _in_folder(folder, assignment, default_assignment, leftovers):
            if submission.assignment not in assignments():
                note = _without_rules(submission)
                (leftovers.missing if note.endswith("?") else unknown).append(note)
            elif assignment in (None, submission.assignment):
                first = submissions.setdefault((submission.assignment, submission.student), submission)
                if first.path != submission.path:
                    leftovers.miss(
                        submission.path,
                        f"{submission.student!r} has handed in {printable(str(first.path))} too, which is graded. "
                        "Keep one of them, or give the other its own student's name.",
                    )
    missing = tuple(dict.fromkeys(leftovers.missing))
    if not submissions:
        where = ", ".join(str(folder) for folder in folders)
        which = f"to {assignment} " if assignment else ""
        raise UsageError(
            f"There is no submission {which}in {where}. Name a folder with notebooks (.ipynb) or Python files (.py), "
            "or one in nbgrader's layout: submitted/<student>/<assignment>/<file>. " + " ".join(missing[:5])
        )
    found = tuple(submissions[key] for key in sorted(submissions))
    return FoundSubmissions(found, tuple(dict.fromkeys([*unknown, *leftovers.notes()])), missing)


def left_out(submitted: Path) -> tuple[str, ...]:
    """A sentence for each thing in nbgrader's folder `submitted` that may be somebody's work and is not graded."""
    leftovers = Leftovers()
    if submitted.is_dir():
        list(_of_all_students(submitted, None, leftovers))
    return tuple(dict.fromkeys(leftovers.missing))


def _without_rules(submission: SubmissionFile) -> str:
    """A sentence that ends with a question mark where a known assignment may be meant."""
    name = submission.assignment
    similar = difflib.get_close_matches(name, assignments(), 1, 0.8)
    question = f" Is it {similar[0]}?" if similar else ""
    return f"{submission.path} is left out: there are no rules for the assignment {name!r}.{question}"


def select_submissions(
    submissions: Sequence[SubmissionFile], store: Store, students: Collection[str], verdicts: Collection[str]
) -> list[SubmissionFile]:
    """The submissions of these students, and those whose last attempt has one of these verdicts. Raises UsageError.

    A student's are those under an earlier id and those of the team, too.
    """
    roster = store.class_changes.roster()
    names = {s: roster.names_of(student_name(s), None) for s in students}
    if unknown := sorted(s for s in names if names[s].isdisjoint(submission.student for submission in submissions)):
        raise UsageError(f"There is no submission of {', '.join(unknown)} in these folders.")
    selected = [
        submission
        for submission in submissions
        if any(submission.student in roster.names_of(student_name(s), submission.assignment) for s in students)
        or (verdicts and _last_verdict(submission, store) in verdicts)
    ]
    if not selected:
        raise UsageError(f"No submission in these folders has the verdict {' or '.join(verdicts)}.")
    return selected


def without_dropped(
    submissions: Iterable[SubmissionFile], store: Store
) -> tuple[tuple[SubmissionFile, ...], tuple[str, ...]]:
    """The submissions of students who are in the class, and a sentence about each of the others."""
    roster = store.class_changes.roster()
    kept, notes = [], []
    for submission in submissions:
        if roster.has_left(roster.unit(submission.student, submission.assignment), submission.assignment):
            notes.append(f"{submission.path} is left out: {submission.student} is dropped.")
        else:
            kept.append(submission)
    return tuple(kept), tuple(notes)


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


def _in_folder(folder: Path, only: str | None, default: str, leftovers: Leftovers) -> Iterator[SubmissionFile]:
    """`only`: the assignment to look for; plain files are submissions to it, or to `default`."""
    folder = folder.absolute()
    if folder.is_file() or (folder.is_symlink() and not folder.is_dir()):
        if has_submission_suffix(folder):
            yield SubmissionFile(folder, student_name(folder.stem), only or default)
        else:
            leftovers.miss(folder, "it is neither a notebook (.ipynb) nor a Python file (.py).")
    elif not folder.is_dir():
        raise UsageError(
            f"{folder} is {describe_special(folder)}." if folder.exists() else f"There is no folder {folder}."
        )
    elif (folder / SUBMITTED).is_dir():
        yield from _of_all_students(folder / SUBMITTED, only, leftovers)
    elif folder.name == SUBMITTED:
        yield from _of_all_students(folder, only, leftovers)
    elif folder.parent.name == SUBMITTED:
        yield from _of_student(folder, only, leftovers)
    else:
        for path in submission_files(folder, leftovers, each_is_one=True):
            yield SubmissionFile(path, student_name(path.stem), only or default)


def _of_all_students(folder: Path, only: str | None, leftovers: Leftovers) -> Iterator[SubmissionFile]:
    for student in folders_in(folder, leftovers):
        yield from _of_student(student, only, leftovers)


def _of_student(folder: Path, only: str | None, leftovers: Leftovers) -> Iterator[SubmissionFile]:
    for assignment in folders_in(folder, leftovers):
        if only not in (None, assignment.name):
            continue
        # the notebook has the name of the assignment; a student may have left other files in the folder
        files = sorted(
            submission_files(assignment, leftovers, each_is_one=False),
            key=lambda path: (path.stem != assignment.name, path.suffix.lower() != ".ipynb"),
        )
        if files:
            yield SubmissionFile(files[0], student_name(folder.name), assignment.name)
