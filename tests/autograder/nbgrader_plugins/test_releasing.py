"""A released notebook comes with the limits of its course, where a student's check reads them, and opens hosted."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.nbgrader_plugins.releasing import HostedNotebook
from course import fit
from course.data import FILES, load
from course.data.data_files import CHECKSUMS
from course.errors import DataError
from course.notebook.check import check_recipe
from course.rules import COURSE_VARIABLE, PACKAGED, goal_rules, load_rules
from tests.support.own_rules import write_rules
from tests.support.recipes import TINY
from tests.support.striped_digits import LINEAR_RECIPE, striped_digits, write_data_set

ROOT = Path(__file__).parents[3]
SMALL = PACKAGED.read_text().replace("max_parameters = 7999\nmax_epochs = 15\naccuracy = 0.9940", "@").replace(
    "@", "max_parameters = 2000\nmax_epochs = 15\naccuracy = 0.9850"
)  # fmt: skip


@pytest.fixture(autouse=True)
def programs_of_this_environment(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")  # nbgrader calls `alembic`


def release(root: Path, **hosted: str) -> Path:
    """A course with the project's challenge and configuration, released; its folder of the release."""
    shutil.copytree(ROOT / "source" / "challenge", root / "source" / "challenge")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config())
    config.CourseDirectory.assignment_id = "challenge"
    config.HostedNotebook.update(hosted)
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


def test_a_data_set_of_the_course_is_released_with_the_notebook_and_a_student_trains_on_it(
    tmp_path, tmp_path_factory, monkeypatch
):
    digits = striped_digits(train=60, test=20)
    write_data_set(tmp_path / "data" / "stripes", digits)
    write_rules(tmp_path, challenge={"data": "data/stripes", "train_images": 50}, other={})
    released = release(tmp_path)
    names = {path.relative_to(released).as_posix() for path in released.rglob("*") if path.is_file()}
    assert names == {"challenge.ipynb", "rules.toml", *(f"data/stripes/{name}" for name in (*FILES, CHECKSUMS))}
    student = tmp_path_factory.mktemp("student") / "challenge"
    shutil.copytree(released, student)
    monkeypatch.delenv(COURSE_VARIABLE, raising=False)
    monkeypatch.chdir(student)
    monkeypatch.setattr("IPython.get_ipython", object)
    assert len(load().train.labels) == 50 and (load().test.images == digits.test.images).all()
    history = fit(LINEAR_RECIPE, epochs=1)
    assert (history.epochs[0].train_total, history.epochs[0].test_total) == (50, 20)
    shutil.rmtree(student / "data")
    with pytest.raises(DataError, match=r'data = "data/stripes" in .*/challenge/rules\.toml'):
        load()


def test_a_course_with_the_packaged_rules_releases_the_notebook_alone(tmp_path):
    assert [path.name for path in release(tmp_path).iterdir()] == ["challenge.ipynb"]


@pytest.mark.parametrize("address", ["https://github.com/ada/nets", "https://github.com/ada/nets.git"])
def test_a_course_that_names_its_repository_once_releases_notebooks_that_open_in_colab(tmp_path, address):
    (before,) = release(tmp_path / "without").iterdir()
    (path,) = release(tmp_path / "with", repository=address).iterdir()
    plain, hosted = (nbformat.read(file, as_version=4) for file in (before, path))
    badge, rest = hosted.cells[0].source.split("\n\n", 1)
    opened = "https://colab.research.google.com/github/ada/nets/blob/main/release/challenge/challenge.ipynb"
    assert badge.endswith(f"({opened})") and rest == plain.cells[0].source
    sources = [(c.source, other.source) for c, other in zip(plain.cells[1:], hosted.cells[1:], strict=True)]
    ((old, new),) = [pair for pair in sources if pair[0] != pair[1]]
    assert new == old.replace('REPOSITORY = ""', 'REPOSITORY = "git+https://github.com/ada/nets.git"')
    assert [c.metadata for c in plain.cells] == [c.metadata for c in hosted.cells]


@pytest.mark.parametrize("address", ["github.com/ada/nets", "https://github.com/ada", 'https://github.com/a/b")\n'])
def test_an_address_that_colab_cannot_open_is_refused_with_what_is_needed(address):
    with pytest.raises(TraitError, match=r"https://github\.com/OWNER/NAME is needed"):
        HostedNotebook(repository=address)
