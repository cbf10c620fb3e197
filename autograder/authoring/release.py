"""source/ -> release/, what students get: nbgrader takes the solutions out. The same source gives the same bytes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.authoring.lessons import lesson_names, notebook_path
from autograder.nbgrader_plugins.gradebook_version import gradebook_problem
from course.errors import GraderError, UsageError

CONFIG = "nbgrader_config.py"


def make_release(root: Path, lesson: str) -> str:
    """The text of the notebook that students get; nothing in `root` changes.

    Raises GraderError when nbgrader cannot generate it.
    """
    with tempfile.TemporaryDirectory(prefix="under8k-") as folder:
        course = Path(folder).resolve()
        source = notebook_path(course, "source", lesson)
        source.parent.mkdir(parents=True)
        source.write_bytes(notebook_path(root, "source", lesson).read_bytes())
        config = _read_config(root)
        config.CourseDirectory.update(root=str(course), db_url="sqlite://", assignment_id=lesson)
        # otherwise nbgrader writes to a gradebook
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
        _generate(config, lesson)
        return notebook_path(course, "release", lesson).read_text(encoding="utf-8")


def release_with_gradebook(root: Path, lesson: str) -> None:
    """Generate the lesson in place and enter it into the course's gradebook; grades that are there stay.

    Raises GraderError when nbgrader cannot generate it, UsageError for a gradebook of another version.
    """
    config = _read_config(root)
    if problem := gradebook_problem(str(config.CourseDirectory.db_url)):
        raise UsageError(problem)
    config.CourseDirectory.assignment_id = lesson
    programs = str(Path(sys.executable).parent)  # nbgrader runs the program `alembic` to create its tables
    os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
    _generate(config, lesson)


def release_problems(root: Path, chosen: tuple[str, ...]) -> list[str]:
    """A sentence for each chosen lesson whose release is missing or outdated, and for each file without a source."""
    problems = []
    for lesson in chosen:
        path = notebook_path(root, "release", lesson)
        if not path.exists():
            problems.append(f"{path.relative_to(root)} is missing: run `make release`.")
        elif path.read_text(encoding="utf-8") != make_release(root, lesson):
            problems.append(f"{path.relative_to(root)} is not what source/ makes: run `make release`, and commit it.")
    names = lesson_names(root)
    for path in sorted((root / "release").glob("*/*")):
        if path != notebook_path(root, "release", path.stem) or path.stem not in names:
            problems.append(f"{path.relative_to(root)} has no notebook in source/: delete it.")
    return problems


def _read_config(root: Path) -> Config:
    return Config(PyFileConfigLoader(CONFIG, path=str(root)).load_config())


def _generate(config: Config, lesson: str) -> None:
    try:
        GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, force=True).start()
    except NbGraderException:
        raise GraderError(
            f"nbgrader cannot generate {lesson}: its messages above say why. Correct the notebook in source/."
        ) from None
