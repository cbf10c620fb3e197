"""`autograder leaderboard`: a table, or files."""

import csv

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.store import open_store
from tests.support.stores import hand_in, store_run


@pytest.fixture
def path(tmp_path, key, spec) -> str:
    """A store with one graded attempt."""
    path = str(tmp_path / "results.db")
    with open_store(path) as store:
        hand_in(store, "ada", run_ids=[store_run(store, key, spec)])
    return path


def leaderboard(path: str, *arguments: str):
    return CliRunner().invoke(main, ["leaderboard", "--store", path, *arguments])


def test_the_table_names_the_students(path):
    result = leaderboard(path)
    assert result.exit_code == 0
    assert any("ada" in line and "pass" in line for line in result.stdout.splitlines())


def test_the_page_for_students_has_no_names_and_the_csv_has_both(path, tmp_path):
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    result = leaderboard(path, "--html", str(page), "--csv", str(table))
    assert result.exit_code == 0 and str(page) in result.stdout and str(table) in result.stdout
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert row["student"] == "ada" and row["pseudonym"] in page.read_text()
    assert "ada" not in page.read_text().split()


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["lesson9"], "The assignments are: "),
        (["--html", "nowhere/page.html"], "nowhere/page.html cannot be written: No such file or directory."),
        (["--settings", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_wrong_use_is_one_sentence(path, arguments, fragment):
    result = leaderboard(path, *arguments)
    assert result.exit_code == 2
    assert fragment in result.stderr and len(result.stderr.splitlines()) == 1
