"""The commands for authors of lessons explain themselves."""

import click
import pytest
from click.testing import CliRunner

from autograder.authoring.__main__ import main


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_every_option_has_help(name):
    command = main.commands[name]
    assert command.help
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_check_names_what_is_wrong_and_fails(course_of, monkeypatch):
    root = course_of(one=["x = 1"])
    monkeypatch.setattr("autograder.authoring.lessons.ROOT", root)
    run = CliRunner().invoke(main, ["check"])
    assert run.exit_code == 1
    assert "release/one/one.ipynb is missing: run `make release`." in run.output
    assert CliRunner().invoke(main, ["release"]).exit_code == 0
    assert CliRunner().invoke(main, ["check"]).output == "release/ is what source/ makes.\n"
