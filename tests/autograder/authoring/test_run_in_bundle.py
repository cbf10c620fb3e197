"""The script of a bundle says what a machine lacks before it makes anything."""

import json
import platform
import shutil
import subprocess
import sys

import pytest

from autograder.authoring import run_in_bundle
from autograder.authoring.run_in_bundle import machine_packages, machine_problem, name_of

HERE = platform.python_version().rpartition(".")[0]


@pytest.fixture
def bundle(tmp_path):
    """A bundle of no wheels: writes its manifest, and runs it."""
    shutil.copy(run_in_bundle.__file__, tmp_path / "run")

    def run(*arguments, **manifest):
        manifest = {"under8k": "1", "python": HERE, "expects": [], **manifest}
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        return subprocess.run([sys.executable, tmp_path / "run", *arguments], capture_output=True, text=True)

    return run


@pytest.mark.parametrize(
    ("requirement", "name"), [("llvmlite>=0.45,<1", "llvmlite"), ("psycopg[binary]>=3", "psycopg"), ("tqdm", "tqdm")]
)
def test_a_requirement_names_its_package(requirement, name):
    assert name_of(requirement) == name


def test_another_python_is_told_with_what_to_do():
    problem = machine_problem({"python": "2.7", "expects": []})
    assert problem == f"The bundle is for Python 2.7, and this is {HERE}. Make one with --python {HERE}."


def test_what_the_machine_lacks_is_named_with_the_option_that_brings_it():
    assert machine_problem({"python": HERE, "expects": ["torch>=2", "numpy>=2"]}) == ""
    problem = machine_problem({"python": HERE, "expects": ["torch>=2", "no-such-package>=1"]})
    assert "no-such-package" in problem and "--with no-such-package" in problem and "torch" not in problem


def test_nothing_is_made_for_a_machine_that_does_not_fit(bundle, tmp_path):
    done = bundle("true", expects=["no-such-package"])
    assert done.returncode == 1 and "no-such-package" in done.stderr
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_without_a_command_it_explains_itself(bundle, arguments):
    assert "autograder grade" in bundle(*arguments).stderr


def test_the_packages_of_the_python_that_runs_it_are_those_of_its_search_path():
    path = ["", "/usr/lib/python3.12", "/opt/torch/lib/python3.12/site-packages", "/usr/lib/python3/dist-packages"]
    assert machine_packages(path) == path[2:]
