"""`autograder init`, `data` and `doctor`."""

import json

from click.testing import CliRunner

from autograder.cli import doctor
from autograder.cli.doctor import Finding
from autograder.cli.main import main
from autograder.gradebook.new_course import making
from course.data import data_folder
from course.errors import DataError


def test_doctor_reports_what_there_is_and_what_to_do():
    result = CliRunner().invoke(main, ["doctor", "--json"])
    found = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert set(found) == {"python", "packages", "device", "data", "isolation", "secret", "store"}
    assert all(f["ok"] or f["remedy"] for f in found.values())


def test_doctor_exits_with_1_if_something_needed_is_missing(monkeypatch):
    findings = [Finding("python", True, "Python 3"), Finding("data", False, "no MNIST", "Run `autograder data`.")]
    monkeypatch.setattr(doctor, "run_checks", lambda: findings)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert result.stdout == (
        "ok   python     Python 3\nmiss data       no MNIST\n                Run `autograder data`.\n"
    )


def test_doctor_exits_with_0_if_what_is_missing_is_not_needed(monkeypatch):
    findings = [Finding("isolation", False, "only Landlock", "Install bubblewrap.", needed=False)]
    monkeypatch.setattr(doctor, "run_checks", lambda: findings)
    assert CliRunner().invoke(main, ["doctor"]).exit_code == 0


def test_data_prints_the_folder_of_mnist():
    result = CliRunner().invoke(main, ["data"])
    assert result.exit_code == 0 and result.stdout == f"{data_folder()}\n"


def test_data_that_cannot_be_downloaded_is_one_sentence(monkeypatch):
    def unreachable():
        raise DataError("No source of MNIST answers.")

    monkeypatch.setattr("course.data.ensure", unreachable)
    result = CliRunner().invoke(main, ["data"])
    assert (result.exit_code, result.stderr) == (2, "autograder: No source of MNIST answers.\n")


# --- init


def test_init_makes_a_course_and_says_what_it_wrote(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(making, "make_course", lambda folder, say, update: asked.append((folder, update)))
    assert CliRunner().invoke(main, ["init", str(tmp_path / "a")]).exit_code == 0
    assert CliRunner().invoke(main, ["init", "--update", str(tmp_path / "a")]).exit_code == 0
    assert asked == [(tmp_path / "a", False), (tmp_path / "a", True)]


def test_init_refuses_a_folder_with_other_things_in_one_sentence(tmp_path):
    (tmp_path / "thesis.tex").touch()
    result = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert result.exit_code == 2 and result.stderr.startswith("autograder: ") and "thesis.tex" in result.stderr


def test_init_without_nbgrader_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["init", str(tmp_path)])
    assert (result.exit_code, "pip install 'under8k[grader]'" in result.stderr) == (2, True)
