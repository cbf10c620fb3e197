"""The command explains itself, names wrong use, and tells by its exit code whether something failed."""

import pytest
from click.testing import CliRunner

from autograder.bench.gpu import __main__ as command
from autograder.bench.gpu.stages import Stage


def run(*arguments):
    return CliRunner().invoke(command.main, list(map(str, arguments)))


def test_help_names_all_stages_and_options():
    shown = run("--help").output
    assert all(f"({letter})" in shown for letter in "abcdefg")
    assert "--minutes" in shown and "default: 8" in shown


def test_stages_are_in_the_order_of_their_letters():
    assert [stage.name[0] for stage in command.STAGES] == list("abcdefg")


def test_a_stage_alone_is_run_and_all_that_is_known_is_shown(tmp_path):
    done = run("--device", "cpu", "--stage", "a", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "CPU: a trial of the stages, not a measurement of a GPU" in done.output
    assert (tmp_path / "a_machine.json").is_file() and not (tmp_path / "b_right.json").exists()
    assert done.output.count("not measured") == 6


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["--stage", "x"], "There is no stage 'x'"), (["--device", "cpu", "--course", "/tmp"], "--course FOLDER")],
)
def test_wrong_use_is_told(arguments, text, tmp_path):
    done = run(*arguments, "--out", tmp_path)
    assert done.exit_code == 2 and text in done.output


def test_a_failure_is_told_by_the_exit_code_and_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "STAGES", [Stage("a_bad", "what?", 1, lambda _: [("this one", lambda: 1 / 0)])])
    done = run("--device", "cpu", "--out", tmp_path)
    assert done.exit_code == 1 and "1 measurements failed: this one" in done.output
