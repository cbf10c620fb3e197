"""Grades as files for Canvas and Moodle: a number for what is graded, an empty field for what is not."""

import csv

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory

from autograder.nbgrader_plugins import exports
from autograder.nbgrader_plugins.exports import CanvasExport, MoodleExport
from tests.support.gradebooks import new_gradebook

CELLS = {"counts": 2, "report": 3}

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy


@pytest.fixture
def gradebook(tmp_path):
    """Ada's report still waits for a person, Ben is graded and was late, Cy has handed in nothing."""
    with Gradebook(new_gradebook(tmp_path)) as gradebook:
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


def test_what_nobody_has_handed_in_is_left_out_unless_it_is_named(gradebook, tmp_path, caplog):
    gradebook.add_assignment("lesson1_baseline")
    gradebook.add_notebook("lesson1_baseline", "lesson1_baseline")
    gradebook.add_grade_cell("a", "lesson1_baseline", "lesson1_baseline", max_score=1, cell_type="code")
    gradebook.add_source_cell("a", "lesson1_baseline", "lesson1_baseline", cell_type="code", source="")
    row, *_ = export(MoodleExport(), gradebook, tmp_path / "moodle.csv")
    assert {title.split(":")[0] for title in row if ":" in title} == {"challenge"}
    row, *_ = export(MoodleExport(assignment=["lesson1_baseline"]), gradebook, tmp_path / "moodle.csv")
    assert row["lesson1_baseline: a"] == "0"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"assignment": ["chalenge"]}, "no assignment 'chalenge'. It has: challenge."),
        ({"assignment": ["challenge", "x", 7]}, "no assignment 'x', '7'. It has: challenge."),
        ({"student": ["adda"]}, "no student 'adda'. It has: ben, cy, ada."),
    ],
)
def test_an_unknown_name_is_an_error_that_names_the_known_ones(gradebook, tmp_path, capsys, options, sentence):
    plugin = MoodleExport(**options)
    messages = []
    plugin.log = type("Log", (), {"error": lambda self, text: messages.append(text)})()
    with pytest.raises(SystemExit) as ended:
        export(plugin, gradebook, tmp_path / "moodle.csv")
    assert ended.value.code == 2 and sentence in messages[0] and not (tmp_path / "moodle.csv").exists()


@pytest.mark.parametrize("plugin", [CanvasExport, MoodleExport])
def test_a_name_is_no_formula_and_can_be_read_by_excel(gradebook, tmp_path, plugin):
    assert not export_bytes(plugin(), gradebook, tmp_path).startswith(b"\xef\xbb\xbf")
    gradebook.update_or_create_student("cy", first_name="=HYPERLINK(1)", last_name="@Ren\u00e9", email="+1@x")
    content = export_bytes(plugin(), gradebook, tmp_path)
    assert content.startswith(b"\xef\xbb\xbf")
    fields = [field for row in csv.reader(content.decode("utf-8-sig").splitlines()) for field in row]
    assert not any(field.lstrip().startswith(("=", "+", "-", "@")) for field in fields)
    assert any("@Ren\u00e9" in field for field in fields)


def export_bytes(plugin, gradebook, folder):
    plugin.to = str(folder / "grades.csv")
    plugin.export(gradebook)
    return (folder / "grades.csv").read_bytes()


def test_a_gradebook_of_another_version_is_told_before_it_is_opened(monkeypatch):
    monkeypatch.setattr(exports, "gradebook_problem", lambda url: "Run `nbgrader db upgrade`." * (url == "sqlite:///x"))
    app = NbGrader()
    app.coursedir = CourseDirectory(db_url="sqlite:///x")
    with pytest.raises(SystemExit):
        MoodleExport(parent=app)
