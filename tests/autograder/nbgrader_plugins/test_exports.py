"""Grades as files for Canvas and Moodle: a number for what is graded, an empty field for what is not."""

import csv
import shutil

import pytest
from nbgrader.api import Gradebook

from autograder.nbgrader_plugins.exports import CanvasExport, MoodleExport
from tests.support.gradebooks import new_gradebook

CELLS = {"counts": 2, "report": 3}

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy


@pytest.fixture(scope="module")
def empty_gradebook(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradebook")
    new_gradebook(folder)
    return folder / "gradebook.db"


@pytest.fixture
def gradebook(empty_gradebook, tmp_path):
    """Ada's report still waits for a person, Ben is graded and was late, Cy has handed in nothing."""
    shutil.copy(empty_gradebook, tmp_path)
    with Gradebook(f"sqlite:///{tmp_path / empty_gradebook.name}") as gradebook:
        gradebook.add_assignment("challenge")
        gradebook.add_notebook("challenge", "challenge")
        for name, points in CELLS.items():
            gradebook.add_grade_cell(name, "challenge", "challenge", max_score=points, cell_type="code")
            gradebook.add_source_cell(name, "challenge", "challenge", cell_type="code", source="")
        gradebook.add_student("ada", first_name="Ada", last_name="Lovelace", lms_user_id="100", email="ada@example.org")
        for student in ("ben", "cy"):
            gradebook.add_student(student)
        for student in ("ada", "ben"):
            gradebook.add_submission("challenge", student)
            counts = gradebook.find_grade("counts", "challenge", "challenge", student)
            counts.auto_score, counts.needs_manual_grade = 1.5, False
            report = gradebook.find_grade("report", "challenge", "challenge", student)
            report.auto_score, report.needs_manual_grade = 2, student == "ada"
        gradebook.find_submission_notebook("challenge", "challenge", "ben").late_submission_penalty = 1
        gradebook.db.commit()
        yield gradebook


def export(plugin, gradebook, path):
    plugin.to = str(path)
    plugin.export(gradebook)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def grades(row):
    return [row[f"challenge: {name}"] for name in (*CELLS, "total")]


def test_canvas_knows_students_by_login_and_gets_the_points_possible(gradebook, tmp_path):
    possible, ben, cy, ada = export(CanvasExport(), gradebook, tmp_path / "canvas.csv")
    assert possible["Student"].strip() == "Points Possible" and grades(possible) == ["2", "3", "5"]
    assert (ada["Student"], ada["SIS User ID"], ada["SIS Login ID"]) == ("Lovelace, Ada", "100", "ada")
    assert grades(ada) == ["1.5", "", ""]
    assert (ben["Student"], ben["SIS Login ID"]) == ("ben", "ben")
    assert grades(ben) == ["1.5", "2", "2.5"]  # the total is less the penalty for being late
    assert grades(cy) == ["0", "0", "0"]


def test_moodle_gets_the_same_grades_for_usernames(gradebook, tmp_path):
    ben, cy, ada = export(MoodleExport(), gradebook, tmp_path / "moodle.csv")
    assert (ada["Username"], ada["ID number"], ada["Email address"]) == ("ada", "100", "ada@example.org")
    assert [grades(row) for row in (ada, ben, cy)] == [["1.5", "", ""], ["1.5", "2", "2.5"], ["0", "0", "0"]]


def test_chosen_students_and_assignments_alone_are_exported_and_the_total_can_be_left_out(gradebook, tmp_path):
    gradebook.add_assignment("lesson1_baseline")
    plugin = MoodleExport(student=["ben"], assignment=["challenge"], total=False)
    (row,) = export(plugin, gradebook, tmp_path / "moodle.csv")
    assert row["Username"] == "ben"
    assert [title for title in row if ":" in title] == ["challenge: counts", "challenge: report"]
