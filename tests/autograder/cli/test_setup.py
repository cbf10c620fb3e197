"""`autograder init`, `data` and `doctor`."""

import json

from click.testing import CliRunner

from autograder.cli import doctor
from autograder.cli.doctor import Finding
from autograder.cli.main import main
from autograder.gradebook.new_course import making
from course.data import data_folder
from course.errors import DataError
from tests.support.own_rules import write_rules
from tests.support.striped_digits import striped_digits, write_data_set


def test_doctor_reports_what_there_is_and_what_to_do():
    result = CliRunner().invoke(main, ["doctor", "--json"])
    found = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert set(found) == {"python", "packages", "device", "data", "isolation", "course", "secret", "store"}
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
    def unreachable(_):
        raise DataError("No source of MNIST answers.")

    monkeypatch.setattr("course.data.DataSet.files", unreachable)
    result = CliRunner().invoke(main, ["data"])
    assert (result.exit_code, result.stderr) == (2, "autograder: No source of MNIST answers.\n")


def test_data_checks_every_data_set_that_the_course_names(tmp_path):
    course = write_rules(
        tmp_path, large={}, stripes={"data": "./stripes"}, some={"data": "./stripes", "train_images": 50}
    )
    write_data_set(course / "stripes", striped_digits(train=50, test=50))
    command = ["data", "--course", str(course)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0 and result.stdout.splitlines() == [str(data_folder()), str(course / "stripes")]
    write_data_set(course / "stripes", striped_digits(train=49, test=50))
    result = CliRunner().invoke(main, command)
    assert (
        result.exit_code == 2 and "train_images = 50 in " in result.stderr and "the 49 training images" in result.stderr
    )
    (course / "stripes" / "t10k-images-idx3-ubyte").unlink()
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2 and "t10k-images-idx3-ubyte is missing" in result.stderr
    assert 'data = "./stripes" in ' in result.stderr


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
