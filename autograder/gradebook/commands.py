"""The command that mends something, as an instructor types it."""

from __future__ import annotations

import shlex

from autograder.gradebook.course_view import StudentWork


def autograde(work: StudentWork, *, force: bool = False) -> str:
    return _nbgrader("autograde", work) + " --force" * force


def generate_feedback(work: StudentWork) -> str:
    return _nbgrader("generate_feedback", work) + " --force"


def for_everybody(step: str, work: StudentWork) -> str:
    """The same command without the student's name."""
    return step.replace(f" {shlex.quote(_student(work))}", "")


def _student(work: StudentWork) -> str:
    return f"--student={work.folder_name}"


def _nbgrader(command: str, work: StudentWork) -> str:
    return shlex.join(["nbgrader", command, work.assignment, _student(work)])
