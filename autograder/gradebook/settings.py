"""The settings of a nbgrader course, for commands that are not nbgrader's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.console import printable
from autograder.nbgrader_plugins.gradebook_version import gradebook_problem
from autograder.nbgrader_plugins.timezones import nbgrader_zone
from autograder.nbgrader_plugins.trained_score import TrainedScore
from autograder.store.engine import store_of_course
from course.errors import UsageError
from course.rules import choose_course

CONFIG = "nbgrader_config.py"


@dataclass(frozen=True)
class CourseSettings:
    """What nbgrader_config.py says: `config` as it was read, and the two objects of it that are asked most."""

    config: Config
    coursedir: CourseDirectory
    trained_score: TrainedScore

    @property
    def root(self) -> Path:
        return Path(self.coursedir.root)

    @property
    def store_url(self) -> str | None:
        """The store that `nbgrader autograde` uses; None is the one that `autograder` uses by default."""
        return store_of_course(self.trained_score.store, self.root)

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """nbgrader's folder of a hand-in; `step` is submitted, autograded or feedback."""
        name = getattr(self.coursedir, f"{step}_directory")
        return Path(self.coursedir.format_path(name, student, assignment))


def read_settings(folder: Path) -> CourseSettings:
    """The settings of the course whose root is `folder`, whose rules count from now on.

    Raises UsageError, also for a gradebook of another version.
    """
    folder = folder.absolute()
    config = load_config(folder)
    if "root" not in config.CourseDirectory:
        config.CourseDirectory.root = str(folder)
    settings = CourseSettings(config, CourseDirectory(config=config), TrainedScore(config=config))
    choose_course(settings.root)
    nbgrader_zone()
    if problem := gradebook_problem(settings.coursedir.db_url):
        raise UsageError(problem)
    return settings


def load_config(folder: Path) -> Config:
    """What `nbgrader_config.py` in the folder sets. Raises UsageError if there is none, or if it cannot be run."""
    if not (folder / CONFIG).is_file():
        raise UsageError(f"There is no {CONFIG} in {printable(str(folder))}. Name the root of a course of nbgrader.")
    try:
        return Config(PyFileConfigLoader(CONFIG, path=str(folder)).load_config())
    except Exception as error:  # it is a program of the instructor's
        raise UsageError(
            f"{folder / CONFIG} cannot be run: {printable(f'{type(error).__name__}: {error}', 300)}. Correct it: "
            "nbgrader itself goes on with its own settings, which run hand-ins without a sandbox."
        ) from None
