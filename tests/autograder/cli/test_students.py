"""`autograder students`: each change with its consequences, the present state, and errors of one sentence."""

import json
import re

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.gradebook import entries, settings
from autograder.gradebook.entries import EnrolledStudent, GradebookContent
from autograder.store import open_store
from tests.support.courses import MadeUpCourse
from tests.support.stores import hand_in


@pytest.fixture
def path(tmp_path, monkeypatch) -> str:
    """A store in which ada and ben have handed in."""
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / "results.db")
    with open_store(path) as store:
        hand_in(store, "ada")
        hand_in(store, "ben", "b" * 64)
    return path


@pytest.fixture
def students(path):
    def run(*arguments: str, code: int = 0) -> str:
        reason = [] if arguments[0] == "list" else ["--reason", "so it is"]
        done = CliRunner().invoke(main, ["students", *arguments, "--store", path, *reason])
        assert done.exit_code == code, done.output
        return done.stderr if code else done.stdout

    return run


def leaderboard(path: str) -> str:
    return CliRunner().invoke(main, ["leaderboard", "--store", path]).stdout


def test_every_command_makes_a_record_and_says_what_follows(students, path):
    assert f"Change 1 in {path}: ada is renamed to ada2." in students("rename", "ada", "ada2")
    assert "Exports list ben, with the newest hand-in of ben and" in students("merge", "ada2", "into", "ben")
    assert "copy feedback/NAME/challenge" in students("team", "alpha", "ben", "cyd", "--unknown")
    students("hide", "alpha")
    assert "Exports leave cyd out" in students("drop", "cyd")
    said = students("show", "alpha")
    assert "change 4 is taken back" in said and "autograder students undo 6 --reason" in said
    assert [record["kind"] for record in json.loads(students("list", "--json"))] == [
        *("rename", "merge", "team", "hide", "drop", "undo")
    ]
    with open_store(path) as store:
        assert list(store.verify()) == []


def test_the_list_shows_what_is_in_force_and_who_changed_what_when_and_why(students):
    assert "as it handed in" in students("list")
    students("rename", "ada", "ada2")
    students("hide", "ben")
    students("show", "ben")
    now, history = students("list").split("History:\n")
    assert now == "In force:\n  ada is renamed to ada2\n"
    assert re.search(r"2  20\d\d-\d\d-\d\d \d\d:\d\d UTC  ben is hidden \[taken back\] \(.+@.+: so it is\)", history)
    students("undo", "1")
    assert "In force: nothing" in students("list")


def test_the_leaderboard_follows_at_once(students, path):
    students("rename", "ada", "ada2")
    students("drop", "ben")
    assert "ada2" in leaderboard(path) and "ben" not in leaderboard(path)
    students("undo", "2")
    assert "ben" in leaderboard(path)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["drop", "adaa"], "no student 'adaa'; there is 'ada'"),
        (["rename", "ada", "ben"], "autograder students merge ada ben"),
        (["rename", "ada", " "], "is no id"),
        (["rename", "ada", "a/b"], "is no id"),
        (["show", "ada"], "ada is not hidden. Hidden: nobody"),
        (["undo", "7"], "There is no change 7"),
        (["merge", "ada"], "autograder students merge OLD into NEW"),
        (["team", "ada", "ben"], "2 or 3 members, and ada has 1"),
        (["team", "alpha", "ada", "ben", "--assignment", "chalenge"], "chalenge"),
    ],
)
def test_a_wrong_use_is_one_sentence_with_the_next_step(students, arguments, words):
    assert words in students(*arguments, code=2)


def test_a_reason_is_asked_for(path):
    for reason in ([], ["--reason", " "]):
        done = CliRunner().invoke(main, ["students", "drop", "ada", "--store", path, *reason])
        assert done.exit_code == 2 and "--reason" in done.stderr


def test_whom_the_gradebook_of_the_course_knows_is_known_and_its_store_is_used(students, path, tmp_path, monkeypatch):
    (tmp_path / "nbgrader_config.py").write_text(f"c = get_config()\nc.TrainedScore.store = {path!r}\n")
    content = GradebookContent(students=(EnrolledStudent("cyd"),))
    monkeypatch.setattr(settings, "gradebook_problem", lambda url: "")
    monkeypatch.setattr(entries, "read_gradebook", lambda url, penalties: content)
    done = CliRunner().invoke(main, ["students", "team", "alpha", "ada", "cyd", "--reason", "x"])
    assert done.exit_code == 0, done.output
    assert "alpha is a team in challenge: ada, cyd" in students("list")


@pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy
def test_who_has_a_folder_in_submitted_is_known_before_anything_is_graded(tmp_path):
    course = MadeUpCourse(tmp_path)
    course.hand_in("ada")
    where = ["--course-dir", str(course.root), "--reason", "so it is"]
    done = CliRunner().invoke(main, ["students", "rename", "ada", "ada2", *where])
    assert done.exit_code == 0 and "ada is renamed to ada2" in done.stdout, done.output
    done = CliRunner().invoke(main, ["students", "drop", "adaa", *where])
    assert done.exit_code == 2 and "There is no student 'adaa'; there is 'ada'" in done.stderr
