"""Folders of submissions -> what there is to grade, in nbgrader's layout or as plain files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course.errors import UsageError
from course.rules import assignments

SUBMITTED = "submitted"
KINDS = (".ipynb", ".py")


@dataclass(frozen=True)
class SubmissionFile:
    """One submission to grade."""

    path: Path
    student: str
    assignment: str


@dataclass(frozen=True)
class FoundSubmissions:
    """What is to be graded, and sentences about what was left out."""

    submissions: tuple[SubmissionFile, ...]
    notes: tuple[str, ...]


def find_submissions(folders: Iterable[Path], assignment: str | None, default: str) -> FoundSubmissions:
    """All submissions, each once, by assignment and student.

    Of nbgrader's layout, submitted/<student>/<assignment>/<file>, `folders` may name the course, `submitted` or a
    student's folder; `assignment` leaves out all others. In any other folder the files themselves are submissions to
    `assignment` or `default`, each called after its student. Raises UsageError when there is nothing.
    """
    submissions: dict[tuple[str, str], SubmissionFile] = {}
    notes: list[str] = []
    for folder in folders:
        for submission in _in(folder, assignment or default):
            if submission.assignment not in assignments():
                notes.append(
                    f"{submission.path}: there are no rules for the assignment {submission.assignment!r}; left out."
                )
            elif assignment in (None, submission.assignment):
                submissions.setdefault((submission.assignment, submission.student), submission)
    if not submissions:
        where = ", ".join(str(folder) for folder in folders)
        what = f"to {assignment} " if assignment else ""
        raise UsageError(
            f"There is no submission {what}in {where}. Name a folder with notebooks (.ipynb) or Python files (.py), "
            "or one in nbgrader's layout: submitted/<student>/<assignment>/<file>."
        )
    return FoundSubmissions(tuple(submissions[key] for key in sorted(submissions)), tuple(dict.fromkeys(notes)))


def _in(folder: Path, assignment: str) -> Iterator[SubmissionFile]:
    folder = folder.absolute()
    if folder.is_file():
        yield SubmissionFile(folder, folder.stem, assignment)
    elif not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.")
    elif (folder / SUBMITTED).is_dir():
        yield from _of_students(folder / SUBMITTED)
    elif folder.name == SUBMITTED:
        yield from _of_students(folder)
    elif folder.parent.name == SUBMITTED:
        yield from _of_student(folder)
    else:
        for path in sorted(folder.iterdir()):
            if path.suffix in KINDS and path.is_file():
                yield SubmissionFile(path, path.stem, assignment)


def _of_students(folder: Path) -> Iterator[SubmissionFile]:
    for student in sorted(folder.iterdir()):
        yield from _of_student(student)


def _of_student(folder: Path) -> Iterator[SubmissionFile]:
    for assignment in sorted(folder.iterdir()) if folder.is_dir() else ():
        files = [p for p in sorted(assignment.glob("*")) if p.suffix in KINDS and p.is_file()]
        # the notebook is called like the assignment; a student may have left others beside it
        files.sort(key=lambda path: (path.stem != assignment.name, path.suffix != ".ipynb"))
        if files:
            yield SubmissionFile(files[0], folder.name, assignment.name)
