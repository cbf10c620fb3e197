"""Courses made by `autograder init`: two beside each other are never mixed, and one moves by copying its folder."""

import json
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from tests.support.classroom import LEARNS
from tests.support.own_courses import Installation, OwnCourse

pytestmark = [pytest.mark.slow, pytest.mark.training, pytest.mark.filterwarnings("ignore")]  # nbgrader's SQLAlchemy


def count(root, table):
    with closing(sqlite3.connect(f"file:{root / 'results.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.fixture(scope="module")
def terms(tmp_path_factory):
    """This term's course and the next one's, of one user: the same hand-in, graded by other limits."""
    folder = tmp_path_factory.mktemp("terms")
    installation = Installation(home=folder / "home")
    spring, autumn = (OwnCourse(folder / name, installation) for name in ("spring", "autumn"))
    spring.init()
    shutil.copytree(spring.root, autumn.root, ignore=shutil.ignore_patterns("written.json"))
    for course, accuracy in ((spring, 0.5), (autumn, 0.9999)):
        course.set_limit("accuracy", accuracy)
        course.hand_in("ada", LEARNS)
        course.autograder("autograde")
    return spring, autumn


def test_each_course_judges_by_its_own_limits_and_keeps_its_own_results(terms):
    spring, autumn = terms
    assert (spring.score("ada"), autumn.score("ada")) == (10.0, 0.0)
    for course in terms:
        assert count(course.root, "attempts") == 1 and count(course.root, "runs") == 1
        secret = course.root / ".under8k" / "secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600 and stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
        course.autograder("verify")
    secrets = {(course.root / ".under8k" / "secret").read_text() for course in terms}
    assert len(secrets) == 2
    left = [path for path in spring.installation.home.rglob("*") if path.name in ("results.db", "secret")]
    assert left == []


def test_a_course_is_chosen_from_anywhere(terms, tmp_path):
    spring, autumn = terms
    run = spring.installation.run
    for course, exit_code in ((spring, 0), (autumn, 1)):
        said = run(
            *("autograder.cli.main", "grade", "--reduced", "2/2000/1000", "--seeds", "1", "--json"),
            *("--course", str(course.root), str(course.root / "submitted/ada/challenge/challenge.ipynb")),
            cwd=tmp_path,
            code=exit_code,
        )
        assert json.JSONDecoder().raw_decode(said)[0]["verdict"] == ("fail" if exit_code else "pass")
        assert count(course.root, "runs") == 1  # taken from this course's own store
    assert not list(tmp_path.iterdir())


def test_a_copied_folder_is_the_whole_course_on_another_machine(terms, tmp_path):
    moved = terms[0].moved_to(tmp_path / "new machine" / "mnist", tmp_path / "home")
    runs = count(moved.root, "runs")
    moved.autograder("verify")
    before = moved.status()
    assert before == terms[0].status()
    moved.nbgrader("autograde", "challenge", "--force")
    assert moved.score("ada") == 10.0 and count(moved.root, "runs") == runs
    assert moved.status() == before


def test_a_copy_without_the_hidden_files_is_told_before_anything_is_graded(terms, tmp_path):
    moved = terms[0].moved_to(tmp_path / "course", tmp_path / "home")
    shutil.rmtree(moved.root / ".under8k")
    moved.hand_in("ben", LEARNS)
    for command in ("autograde", "status", "verify"):
        said = moved.autograder(command, code=2)
        assert (
            f"There is no course secret in {moved.root / '.under8k' / 'secret'}" in said
            and "Set UNDER8K_SECRET" in said
        )
    assert not (moved.root / ".under8k").exists() and not (moved.root / "autograded" / "ben").exists()
    shutil.copytree(terms[1].root / ".under8k", moved.root / ".under8k")
    said = moved.autograder("autograde", code=2)
    assert "another course secret" in said and not (moved.root / "autograded" / "ben").exists()
    said = moved.nbgrader("autograde", "challenge", "--force", code=1)
    assert "another course secret" in said and "Traceback" not in said
    assert [path.name for path in (moved.root / "autograded").iterdir()] == ["ada"]  # as it was
