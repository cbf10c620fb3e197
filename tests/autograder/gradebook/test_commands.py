"""Commands as an instructor types them."""

import fnmatch
import shlex

import pytest

from autograder.gradebook import commands
from autograder.gradebook.course_view import StudentWork
from autograder.gradebook.entries import KnownAssignment

STUDENTS = ("ada", "lea[x]", "ada lovelace", "o'neil", "$HOME", "le?", "*")


@pytest.mark.parametrize("student", STUDENTS)
def test_any_student_s_name_arrives_whole(student):
    work = StudentWork("s", "challenge", student, KnownAssignment("challenge"))
    command = commands.autograde(work, force=True)
    *before, option, force = shlex.split(command)
    assert (before, force) == (["nbgrader", "autograde", "challenge"], "--force")
    pattern = option.removeprefix("--student=")  # to nbgrader it is one
    assert [name for name in (*STUDENTS, "leax", "le", "everybody") if fnmatch.fnmatch(name, pattern)] == [student]
    assert commands.for_everybody(command, work) == "nbgrader autograde challenge --force"
    assert commands.generate_feedback(work).startswith("nbgrader generate_feedback challenge ")
