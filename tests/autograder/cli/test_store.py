"""`autograder verify`."""

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.store import open_store
from tests.support.stores import execute, hand_in


@pytest.fixture
def path(tmp_path) -> str:
    """A store with one graded attempt."""
    path = str(tmp_path / "results.db")
    with open_store(path) as store:
        hand_in(store, "ada")
    return path


def verify(path: str, *arguments: str):
    return CliRunner().invoke(main, ["verify", "--store", path, *arguments])


def test_an_untouched_store_is_confirmed_with_the_end_of_its_chain(path):
    result = verify(path)
    with open_store(path) as store:
        count, end = store.chain_end()
    assert result.exit_code == 0
    assert result.stdout == f"All {count} records of {path} are as they were written.\nend of the chain: {end}\n"
    assert verify(path, "--end", end).exit_code == 0


def test_a_record_that_was_changed_by_hand_is_reported(path):
    with open_store(path) as store:
        execute(store, "UPDATE verdicts SET verdict = 'fail'")
    result = verify(path)
    assert result.exit_code == 1 and "as they were written" not in result.stdout
    assert len(result.stdout.splitlines()) == 2


def test_an_end_that_is_not_in_the_chain_is_reported(path):
    assert verify(path, "--end", "0" * 64).exit_code == 1
