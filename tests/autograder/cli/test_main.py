"""The command as an instructor meets it: exit codes, one clear sentence, and JSON."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from tests.support.recipes import TINY, TINY_COUNT


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def command(*arguments: str):
    return subprocess.run(
        [sys.executable, "-m", "autograder.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


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


@pytest.mark.parametrize(
    ("source", "verdict", "fragment"),
    [
        ("recipe = (", "error", "Line 1: this is not valid Python"),
        ("%matplotlib inline\nrecipe = 1", "error", "Line 1: %matplotlib inline is a notebook command"),
        ("x = 1", "error", "does not bind the name `recipe`"),
        ("recipe = 3", "refused", "`recipe` is int, and a Recipe(...) is needed"),
        (TINY.replace("epochs=3", "epochs=99"), "refused", "epochs: the recipe asks for 99, and 15 are allowed"),
    ],
    ids=["syntax", "magic", "unbound", "not-a-recipe", "too-long"],
)
def test_a_submission_that_cannot_be_trained_is_told_why_and_exit_code_1(tmp_path, source, verdict, fragment):
    path = tmp_path / "work.py"
    path.write_text(source)
    finished = command("grade", str(path), "--json")
    told = json.loads(finished.stdout)
    assert finished.returncode == 1
    assert told["verdict"] == verdict and fragment in told["reasons"][0]
    assert "Traceback" not in finished.stderr


def test_inspect_prints_the_count_and_the_layers(tmp_path):
    path = tmp_path / "work.py"
    path.write_text(TINY)
    finished = command("inspect", str(path))
    assert finished.returncode == 0
    assert f"parameters counted: {TINY_COUNT}" in finished.stdout and "batch_norm" in finished.stdout
    assert "May be trained" in finished.stdout


def test_a_quick_grading_is_never_official(tmp_path):
    path = tmp_path / "work.py"
    path.write_text(TINY)
    finished = command("grade", str(path), "--quick", "--seeds", "1", "--json")
    told = json.loads(finished.stdout)
    assert finished.returncode == 1 and told["official"] is False
    assert told["verdict"] == "fail" and len(told["runs"][0]["epochs"]) == 1


def test_doctor_says_what_is_there_and_what_to_do():
    result = run("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert set(found) == {"python", "packages", "device", "data", "isolation", "secret"}
    assert all(f["ok"] or f["remedy"] for f in found.values())


def test_a_bug_of_ours_never_reads_as_not_passed(tmp_path, monkeypatch):
    path = tmp_path / "work.py"
    path.write_text(TINY)
    monkeypatch.setattr("autograder.grading.pipeline.inspect_only", lambda *_: 1 / 0)
    result = run("inspect", str(path))
    assert result.exit_code == 3 and "ZeroDivisionError" in result.stderr
