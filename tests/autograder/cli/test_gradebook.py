"""`autograder audit` and `autograder status`: what they print, and their exit codes."""

import json

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.store import open_store
from tests.support.courses import MadeUpCourse, contents
from tests.support.stores import execute

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy


@pytest.fixture
def course(tmp_path):
    """Ada is graded, Nadia handed in, Gus did not, and Tom's archive lies about."""
    course = MadeUpCourse(tmp_path)
    course.grade_all("ada")
    course.enrol("gus")
    course.hand_in("nadia")
    (course.root / "submitted" / "tom.zip").touch()
    return course


def run(*arguments: object, columns: int = 200):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env={"COLUMNS": str(columns)})


def test_without_a_difference_audit_says_what_agrees_and_writes_nothing(course):
    before = contents(course.root)
    result = run("audit", course.root, "--chain")
    assert result.exit_code == 0, result.output
    agree = "Gradebook, store, leaderboard, feedback and exports agree"
    assert result.stdout == f"{agree} (grades compared: 1, of students: 3).\n"
    assert contents(course.root) == before


def test_a_difference_is_a_line_with_the_command_that_mends_it_and_the_exit_code_is_1(course):
    course.set_grade("ada", "trained_score", auto_score=3.0)
    result = run("audit", course.root)
    assert result.exit_code == 1
    assert (
        "3 of 10 points for the recipe" in result.stdout and "Differences: 1 (grades compared: 1, of" in result.stdout
    )
    data = json.loads(run("audit", course.root, "--json").stdout)
    assert data["students"] == 3 and [d["student"] for d in data["differences"]] == ["ada"]
    assert data["differences"][0]["next_step"] == "nbgrader autograde challenge --student=ada --force"


def test_a_record_that_was_changed_by_hand_is_found_with_chain(course):
    with open_store(str(course.store_path)) as store:
        execute(store, "UPDATE verdicts SET reasons = '[\"Another.\"]'")
    assert run("audit", course.root).exit_code == 0
    result = run("audit", course.root, "--chain")
    assert result.exit_code == 1 and "verdicts 1 was edited after it was written." in result.stdout


def test_status_shows_everybody_with_a_reason_and_counts_them(course):
    result = run("status", "--course-dir", course.root)
    assert result.exit_code == 0, result.output
    assert (
        "3 students: 1 graded; 1 handed in but never graded: nadia (nbgrader autograde challenge --student=nadia)"
        in result.stdout
    )
    assert "1 handed in nothing: gus." in result.stdout and "tom.zip is left out" in result.stdout
    assert "ada" in result.stdout and "ada" not in run("status", "--course-dir", course.root, "--missing").stdout


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_every_next_step_is_a_line_that_can_be_copied_however_narrow_the_terminal(course, columns):
    course.hand_in("a-student-with-a-rather-long-id@example.org")
    course.set_grade("ada", "trained_score", auto_score=3.0)
    lines = run("status", "--course-dir", course.root, columns=columns).stdout.splitlines()
    start = lines.index("Next steps:")
    assert lines[start + 1 : start + 3] == [
        "  nbgrader autograde challenge --student=a-student-with-a-rather-long-id@example.org",
        "  nbgrader autograde challenge --student=nadia",
    ]
    assert max(map(len, lines[:start])) <= columns and "…" not in "".join(lines[:start])
    audited = run("audit", course.root, columns=columns).stdout.splitlines()
    assert "  nbgrader autograde challenge --student=ada --force" in audited


def test_a_step_that_several_share_is_told_once(course):
    for student in ("ben", "cy"):
        course.grade_all(student)
        course.set_grade(student, "counts", needs_manual_grade=True)
    lines = run("status", "--course-dir", course.root).stdout.splitlines()
    assert lines.count("  nbgrader formgrade") == 1


def test_the_numbers_of_each_place_are_in_the_json(course):
    data = json.loads(run("status", "challenge", "--course-dir", course.root, "--json").stdout)
    ada, gus, nadia = data["assignments"]["challenge"]["students"]
    assert (ada["verdict"], ada["gradebook"], ada["export"], ada["state"]) == ("pass", 12.0, 12.0, "graded")
    assert (gus["export"], gus["handed_in"]) == (0.0, None)
    assert (nadia["enrolled"], nadia["export"], nadia["state"]) == (False, None, "never_graded")
    assert data["assignments"]["challenge"]["counts"] == {"graded": 1, "never_graded": 1, "nothing": 1}


@pytest.mark.parametrize("arguments", [["audit"], ["status", "--course-dir"]])
def test_a_folder_that_is_no_course_is_wrong_use(tmp_path, arguments):
    result = run(*arguments, tmp_path)
    assert result.exit_code == 2 and "There is no nbgrader_config.py in" in result.stderr


def test_an_assignment_that_nobody_knows_is_wrong_use(course):
    result = run("status", "chalenge", "--course-dir", course.root)
    assert result.exit_code == 2 and "an assignment 'chalenge' here. There is: challenge." in result.stderr
