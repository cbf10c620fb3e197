"""The wheel and the sdist hold the two packages and nothing else, and the wheel alone makes and grades a course."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from course import __version__
from tests.support.classroom import LEARNS, ROOT, cell
from tests.support.own_courses import Installation, OwnCourse

pytestmark = [pytest.mark.registry, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # nbgrader's SQLAlchemy
BUILD = "import sys, setuptools.build_meta as build; getattr(build, f'build_{sys.argv[1]}')(sys.argv[2])"
NOT_INSTALLED = "autograder/authoring/"  # works on a clone alone
UNWANTED = (".*", "__pycache__", "build", "dist", "*.egg-info", "submitted", "autograded", "feedback", "gradebook.db*")
LESSONS = "autograder/gradebook/new_course/files/source/"


def build(what: str, project: Path, out: Path, setuptools: Path) -> Path:
    command = [sys.executable, "-W", "ignore", "-c", BUILD, what, str(out)]
    env = os.environ | {"PYTHONPATH": str(setuptools)}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return max(out.iterdir(), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Built from a copy of the clone with all that is in it, tests too; unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--target", str(folder / "setuptools"), "setuptools>=77"], check=True)
    shutil.copytree(ROOT, folder / "clone", symlinks=True, ignore=shutil.ignore_patterns(*UNWANTED))
    archive = build("sdist", folder / "clone", folder / "out", folder / "setuptools")
    shutil.unpack_archive(archive, folder)
    return folder / f"under8k-{__version__}"


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from the sdist, as pip does where there is no wheel."""
    return build("wheel", sdist, tmp_path_factory.mktemp("wheel"), sdist.parent / "setuptools")


def files_of_the_packages() -> dict[str, bytes]:
    """Path -> content of everything in the two packages; links are followed."""
    return {
        str(path.relative_to(ROOT)): path.read_bytes()
        for package in ("course", "autograder")
        for folder, _, names in os.walk(ROOT / package, followlinks=True)
        for path in (Path(folder, name) for name in names)
        if "__pycache__" not in path.parts and path.suffix not in (".nbi", ".nbc")
    }


def test_the_wheel_holds_the_two_packages_as_they_are_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    ours = {name: content for name, content in found.items() if not name.startswith(f"under8k-{__version__}.")}
    expected = {path: text for path, text in files_of_the_packages().items() if not path.startswith(NOT_INSTALLED)}
    assert sorted(ours) == sorted(expected)
    assert ours == expected
    assert sorted(name.removeprefix(LESSONS) for name in ours if name.startswith(LESSONS)) == sorted(
        path.relative_to(ROOT / "source").as_posix() for path in (ROOT / "source").glob("*/*.ipynb")
    )
    beside = {name.partition("/")[2] for name in found.keys() - ours.keys()}
    assert {name for name in beside if name.startswith("data/")} == {
        "data/etc/jupyter/jupyter_server_config.d/under8k_leaderboard.json",
        "data/etc/jupyter/labconfig/default_setting_overrides.d/under8k_menu.json",
    }
    assert {name for name in beside if not name.startswith("data/")} == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt", "licenses/LICENSE")
    }


def test_the_sdist_holds_what_a_wheel_is_built_from_and_nothing_else(sdist):
    tops = {path.name for path in sdist.iterdir()}
    assert tops - {"build", "PKG-INFO", "setup.cfg", "under8k.egg-info"} == {
        *("course", "autograder", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
    }


# --- used


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel in an environment of its own. What it depends on comes from the tests' environment, without the clone:
    a folder that a .pth file names is searched for packages, and its own .pth files are not read."""
    folder = tmp_path_factory.mktemp("installed")
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder / "env")
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    site_packages = next((folder / "env").glob("lib/python*/site-packages"))
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installation(folder / "home", python, paths=())


@pytest.fixture(scope="module")
def course(installed, tmp_path_factory):
    """Made by the wheel alone, with a limit of its own; Ada's hand-in also looks for what it may not see."""
    made = OwnCourse(tmp_path_factory.mktemp("course") / "mnist", installed)
    made.init()
    made.set_limit("accuracy", 0.5)
    path = made.hand_in("ada", LEARNS)
    notebook = nbformat.read(path, as_version=4)
    lessons = next((installed.python.parents[1]).glob(f"lib/python*/site-packages/{LESSONS}challenge/challenge.ipynb"))
    private = [
        lessons,
        made.root / "source/challenge/challenge.ipynb",
        made.root / "results.db",
        made.root / ".under8k",
    ]
    look = f"import os\nprint('seen:', [path for path in {list(map(str, private))!r} if os.path.exists(path)])"
    notebook.cells.insert(0, new_code_cell(look))
    nbformat.write(notebook, path)
    assert all(path.exists() for path in private if path.name != "results.db")
    return made


def test_the_wheel_is_what_is_used_and_not_the_clone(installed, tmp_path):
    said = installed.run("autograder.cli.main", "--version", cwd=tmp_path)
    assert __version__ in said
    probe = "import autograder, course, sys; print(autograder.__file__, course.__file__, sep='\\n')"
    done = subprocess.run(
        [str(installed.python), "-c", probe], env=installed.environment(), cwd=tmp_path, capture_output=True, text=True
    )
    places = done.stdout.split()
    assert len(places) == 2 and all(Path(place).is_relative_to(installed.python.parents[1]) for place in places)
    assert (installed.python.parent / "autograder").is_file()


@pytest.mark.training
def test_a_course_that_the_wheel_made_is_graded_by_its_own_limits_up_to_the_feedback(course):
    course.nbgrader("autograde", "challenge")
    assert course.score("ada") == 10.0
    notebook = nbformat.read(course.root / "autograded/ada/challenge/challenge.ipynb", as_version=4)
    assert notebook.cells[0].outputs[0].text == "seen: []\n"
    report = next(
        o.data["text/html"] for o in cell(notebook, "trained_score").outputs if "text/html" in o.get("data", {})
    )
    assert "50.00%" in report
    course.nbgrader("generate_feedback", "challenge")
    assert (course.root / "feedback/ada/challenge/challenge.html").is_file()
    course.autograder("audit")
    course.autograder("verify")
