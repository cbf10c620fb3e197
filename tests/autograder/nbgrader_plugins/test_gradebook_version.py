"""An old gradebook is named with the command that upgrades it, before anything is done."""

import sqlite3

import pytest

from autograder.nbgrader_plugins.gradebook_version import gradebook_problem
from tests.support.gradebooks import new_gradebook

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy


@pytest.fixture
def gradebook(tmp_path):
    new_gradebook(tmp_path)
    return tmp_path / "gradebook.db"


def problem(path):
    return gradebook_problem(f"sqlite:///{path}")


def test_a_gradebook_of_this_version_is_no_problem_and_neither_is_none(gradebook, tmp_path):
    assert problem(gradebook) == problem(tmp_path / "none.db") == gradebook_problem("sqlite://") == ""
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "UPDATE alembic_version SET version_num = '167914646830'",
            r"older .* at 167914646830, .*`nbgrader db upgrade`",
        ),
        ("DROP TABLE alembic_version", r"older .* at none, .*`nbgrader db upgrade`"),
        ("UPDATE alembic_version SET version_num = 'ffff'", r"newer nbgrader .* at ffff.* Install that version"),
    ],
)
def test_another_version_is_told_with_the_next_step(gradebook, change, sentence):
    with sqlite3.connect(gradebook) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(problem(gradebook))


def test_what_is_no_gradebook_is_told_as_such(tmp_path):
    (tmp_path / "gradebook.db").write_bytes(b"no database" * 100)
    assert "cannot be read: file is not a database" in problem(tmp_path / "gradebook.db")
