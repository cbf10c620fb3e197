"""Commands as an instructor types them."""

import shlex

import pytest

from autograder.gradebook import commands
from autograder.gradebook.course_view import StudentWork
from autograder.gradebook.entries import KnownAssignment


@pytest.mark.parametrize("student", ["ada", "lea[x]", "ada lovelace", "o'neil", "$HOME"])
def test_any_student_s_name_arrives_whole(student):
    work = StudentWork("s", "challenge", student, KnownAssignment("challenge"))
    command = commands.autograde(work, force=True)
    assert shlex.split(command) == ["nbgrader", "autograde", "challenge", f"--student={student}", "--force"]
    assert commands.for_everybody(command, work) == "nbgrader autograde challenge --force"
    assert commands.generate_feedback(work).startswith("nbgrader generate_feedback challenge ")
