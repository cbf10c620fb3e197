"""A released notebook comes with the limits of its course, where a student's check reads them."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course.notebook.check import check_recipe
from course.rules import COURSE_VARIABLE, PACKAGED, goal_rules, load_rules
from tests.support.recipes import TINY

ROOT = Path(__file__).parents[3]
SMALL = PACKAGED.read_text().replace("max_parameters = 7999\nmax_epochs = 15\naccuracy = 0.9940", "@").replace(
    "@", "max_parameters = 2000\nmax_epochs = 15\naccuracy = 0.9850"
)  # fmt: skip


@pytest.fixture(autouse=True)
def programs_of_this_environment(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")  # nbgrader calls `alembic`


def release(root: Path) -> Path:
    """A course with the project's challenge and configuration, released; its folder of the release."""
    shutil.copytree(ROOT / "source" / "challenge", root / "source" / "challenge")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config())
    config.CourseDirectory.assignment_id = "challenge"
    config.GenerateAssignment.create_assignment = True
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    return root / "release" / "challenge"


def test_a_course_of_ones_own_releases_the_limits_of_the_assignment_and_a_student_reads_them(tmp_path, monkeypatch):
    (tmp_path / "rules.toml").write_text(SMALL)
    released = release(tmp_path)
    assert sorted(path.name for path in released.iterdir()) == ["challenge.ipynb", "rules.toml"]
    student = tmp_path / "student" / "challenge"
    shutil.copytree(released, student)
    monkeypatch.delenv(COURSE_VARIABLE, raising=False)
    monkeypatch.chdir(student)
    monkeypatch.setattr("IPython.get_ipython", object)
    assert (load_rules("challenge").max_parameters, load_rules("challenge").accuracy) == (2000, 0.985)
    assert "2,000 allowed" in check_recipe(TINY, "challenge")
    assert goal_rules().accuracy == 0.985 and load_rules("lesson1_baseline").max_parameters == 8272


def test_a_course_with_the_packaged_rules_releases_the_notebook_alone(tmp_path):
    assert [path.name for path in release(tmp_path).iterdir()] == ["challenge.ipynb"]
