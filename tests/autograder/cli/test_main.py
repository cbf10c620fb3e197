"""The command as a whole: help, exit codes, and options of earlier versions."""

import pytest
from click.testing import CliRunner

from autograder.cli.main import main


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_that_says_something(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["grade", "nowhere.py"], "There is no file nowhere.py."),
        (["inspect", "nowhere.ipynb"], "There is no file nowhere.ipynb."),
        (["inspect", "README.md"], "neither a notebook"),
        (["inspect", "nowhere.py", "--assignment", "lesson9"], "The assignments are: "),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(arguments, fragment):
    result = run(*arguments)
    assert result.exit_code == 2
    assert fragment in result.stderr and len(result.stderr.splitlines()) == 1
