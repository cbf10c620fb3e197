"""source/ -> release/ and gradebook: nbgrader takes the solutions out and enters the graded cells."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.log import get_logger

from autograder.gradebook.settings import load_config
from autograder.nbgrader_plugins.gradebook_version import gradebook_problem
from course.errors import GraderError, UsageError


def release_with_gradebook(root: Path, lesson: str) -> None:
    """Generate the lesson in place and enter it into the course's gradebook; grades that are there stay.

    Raises GraderError when nbgrader cannot generate it (the release that was there stays then), UsageError for a
    gradebook of another version.
    """
    config = _config_with_gradebook(root)
    # nbgrader deletes the folder that it generates into: before it begins, and when it fails
    with tempfile.TemporaryDirectory(prefix=".release-", dir=root) as folder:
        config.CourseDirectory.update(assignment_id=lesson, release_directory=Path(folder).name)
        generate(config, lesson)
        _replace_folder(Path(folder, lesson), root / "release" / lesson)


def released_lessons(root: Path) -> set[str]:
    """The lessons that are in release/ and in the gradebook. Raises UsageError for a gradebook of another version."""
    folders = {path.parent.name for path in (root / "release").glob("*/*.ipynb")}
    if not folders:
        return set()
    with Gradebook(str(_config_with_gradebook(root).CourseDirectory.db_url)) as gradebook:
        return folders & {assignment.name for assignment in gradebook.assignments}


def _config_with_gradebook(root: Path) -> Config:
    config = load_config(root)
    if problem := gradebook_problem(str(config.CourseDirectory.db_url)):
        raise UsageError(problem)
    programs = str(Path(sys.executable).parent)  # nbgrader runs the program `alembic` to create its tables
    os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
    return config


def generate(config: Config, lesson: str) -> None:
    """Run nbgrader's generate_assignment by a config. Raises GraderError with what it said."""
    messages = _Messages()
    log = get_logger()
    log = log.logger if isinstance(log, logging.LoggerAdapter) else log
    log.addHandler(messages)
    try:
        GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, force=True).start()
    except NbGraderException:
        said = messages.said()
        step = "Correct the notebook in source/."
        if "submissions associated with it" in said:
            step = (
                "Students have handed in, so take back the change of its graded cells, or give the notebook another "
                f"name in source/, as a new assignment. Only `nbgrader db assignment remove {lesson} --force` makes "
                "room for it, and deletes all hand-ins and grades of it from the gradebook."
            )
        raise GraderError(f"nbgrader cannot generate {lesson}, and left it as it was. It said: {said} {step}") from None
    finally:
        log.removeHandler(messages)


class _Messages(logging.Handler):
    """Keeps nbgrader's errors, which it would write to a log that nobody sees."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(record.getMessage().strip())

    def said(self) -> str:
        """One sentence for each error: of a traceback its last line, and nothing that refers to one."""
        lines = [text.splitlines()[-1] for text in self._texts if text]
        sentences = [line for line in lines if not line.startswith(("There was an error processing", "Please see"))]
        return " ".join(line if line.endswith((".", "!", "?")) else f"{line}." for line in dict.fromkeys(sentences))


def _replace_folder(new: Path, old: Path) -> None:
    """Put the files of `new` in the place of those of `old`, each one whole."""
    names = {path.relative_to(new) for path in new.rglob("*") if path.is_file()}
    for name in sorted(names):
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(new / name, old / name)
    for path in [path for path in old.rglob("*") if path.is_file()]:
        if path.relative_to(old) not in names:
            path.unlink()
