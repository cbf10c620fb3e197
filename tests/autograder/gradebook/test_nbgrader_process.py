"""nbgrader's own autograde, for one hand-in at a time, under the course's settings."""

import json
import subprocess
import sys

import pytest

from autograder.gradebook.nbgrader_process import HandInToGrade, autograde
from tests.support.courses import MadeUpCourse, real_settings


@pytest.fixture
def quiz(tmp_path, monkeypatch):
    """A course with the assignment `quiz`, of which nothing is trained: one test cell, worth 2 points."""
    course = MadeUpCourse(tmp_path, settings=real_settings(tmp_path))
    with course.gradebook() as gradebook:
        gradebook.add_assignment("quiz")
        gradebook.add_notebook("quiz", "quiz")
        gradebook.add_grade_cell("test", "quiz", "quiz", max_score=2, cell_type="code")
        gradebook.add_source_cell("test", "quiz", "quiz", cell_type="code", source="1 + 1", checksum="0" * 32)
    monkeypatch.chdir(course.root)
    return course


def hand_in(course, student: str) -> None:
    path = course.hand_in(student)
    folder = path.parent.with_name("quiz")
    path.rename(path.with_name("quiz.ipynb"))
    path.parent.rename(folder)


def scores(course) -> dict[str, float]:
    with course.gradebook() as gradebook:
        return {s.student_id: s.score for s in gradebook.assignment_submissions("quiz")}


def test_only_this_student_is_graded_also_where_the_name_looks_like_a_pattern(quiz):
    for student in ("lea[x]", "leax"):
        hand_in(quiz, student)
    assert autograde(HandInToGrade("lea[x]", "quiz")) == ""
    assert scores(quiz) == {"lea[x]": 2.0}


def test_what_went_wrong_is_one_sentence(quiz):
    hand_in(quiz, "ada")
    with quiz.gradebook() as gradebook:
        gradebook.remove_assignment("quiz")
    assert autograde(HandInToGrade("ada", "quiz")) == (
        "nbgrader.converters.base.NbGraderException: No assignment with ID 'quiz' exists in the database"
    )


def test_a_faulty_setting_is_told_too(quiz):
    (quiz.root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.db_url = 'no url'\n")
    hand_in(quiz, "ada")
    assert "Could not parse SQLAlchemy URL" in autograde(HandInToGrade("ada", "quiz"))


@pytest.mark.slow
def test_as_a_process_it_answers_a_line_for_a_line_and_ends_with_its_input(quiz):
    hand_in(quiz, "ada")
    command = [sys.executable, "-P", "-W", "ignore", "-m", "autograder.gradebook.nbgrader_process"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        print(json.dumps({"student": "ada", "assignment": "quiz"}), file=process.stdin, flush=True)
        assert json.loads(process.stdout.readline()) == ""
    assert process.returncode == 0 and scores(quiz) == {"ada": 2.0}
