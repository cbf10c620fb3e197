"""`autograder grade` and `autograder inspect`: exit codes, one clear sentence, and JSON."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from tests.support.recipes import TINY, TINY_COUNT
from tests.support.stores import result_of


def command(*arguments: str):
    return subprocess.run(
        [sys.executable, "-m", "autograder.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


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
@pytest.mark.usefixtures("warm")
def test_a_submission_that_cannot_be_trained_gets_a_reason_and_exit_code_1(tmp_path, source, verdict, fragment):
    path = tmp_path / "work.py"
    path.write_text(source)
    finished = CliRunner().invoke(main, ["grade", str(path), "--json"])
    result = json.loads(finished.stdout)
    assert finished.exit_code == 1
    assert result["verdict"] == verdict and fragment in result["reasons"][0]
    assert "Traceback" not in finished.stderr


@pytest.mark.slow
def test_inspect_prints_the_count_and_the_layers(tmp_path):
    path = tmp_path / "work.py"
    path.write_text(TINY)
    finished = command("inspect", str(path))
    assert finished.returncode == 0
    assert f"{TINY_COUNT} parameters counted: " in finished.stdout and "batch_norm" in finished.stdout
    assert "optimizer: SGD(lr=0.1, momentum=0.9)\n" in finished.stdout
    assert "May be trained" in finished.stdout


@pytest.mark.training
def test_a_quick_grading_is_never_official(tmp_path):
    path = tmp_path / "work.py"
    path.write_text(TINY)
    finished = command("grade", str(path), "--quick", "--seeds", "1", "--json")
    result = json.loads(finished.stdout)
    assert finished.returncode == 1 and result["official"] is False
    assert result["verdict"] == "fail" and len(result["runs"][0]["epochs"]) == 1


@pytest.mark.parametrize(
    ("result", "verdict", "code"),
    [(replace(result_of("internal"), reasons=()), None, 0), (result_of("refused"), "refused", 1)],
)
def test_inspect_as_json_has_no_verdict_on_a_recipe_that_may_be_trained(tmp_path, monkeypatch, result, verdict, code):
    path = tmp_path / "work.py"
    path.write_text(TINY)
    monkeypatch.setattr("autograder.grading.pipeline.inspect_only", lambda *_: result)
    said = CliRunner().invoke(main, ["inspect", str(path), "--json"])
    assert (json.loads(said.stdout)["verdict"], said.exit_code) == (verdict, code)


def test_a_bug_in_the_grader_never_reads_as_not_passed(tmp_path, monkeypatch):
    path = tmp_path / "work.py"
    path.write_text(TINY)
    monkeypatch.setattr("autograder.grading.pipeline.inspect_only", lambda *_: 1 / 0)
    result = CliRunner().invoke(main, ["inspect", str(path)])
    assert result.exit_code == 3 and "ZeroDivisionError" in result.stderr


def test_an_interrupted_grading_does_not_read_as_not_passed(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("autograder.grading.pipeline.grade", interrupted)
    result = CliRunner().invoke(main, ["grade", str(tmp_path / "work.py"), "--no-store"])
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("fail", 1), ("refused", 1), ("internal", 3)])
def test_the_verdict_decides_the_exit_code(tmp_path, monkeypatch, verdict, code):
    monkeypatch.setattr("autograder.grading.pipeline.grade", lambda *_, **__: result_of(verdict))
    assert CliRunner().invoke(main, ["grade", str(tmp_path / "work.py"), "--no-store"]).exit_code == code


def test_the_old_name_of_an_option_is_answered_with_the_new_one():
    result = CliRunner().invoke(main, ["grade", "work.py", "--most-minutes=5"])
    assert result.exit_code == 2
    assert result.stderr == "Error: The option --most-minutes is now called --max-minutes.\n"
