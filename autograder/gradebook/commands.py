"""The command that mends something, as an instructor types it."""

from __future__ import annotations

from autograder.console.text import nbgrader_command, student_option
from autograder.gradebook.course_view import StudentWork


def autograde(work: StudentWork, *, force: bool = False) -> str:
    return nbgrader_command("autograde", work.assignment, work.folder_name, force=force)


def generate_feedback(work: StudentWork) -> str:
    return nbgrader_command("generate_feedback", work.assignment, work.folder_name, force=True)


def for_everybody(step: str, work: StudentWork) -> str:
    """The same command without the student's name."""
    return step.replace(f" {student_option(work.folder_name)}", "")
