"""The folders of a course: what was handed in, what nbgrader made of it, and the pages of feedback. Read only."""

from __future__ import annotations

import datetime as dt
import glob
import mmap
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from autograder.batch.leftovers import Leftovers, folders_in
from autograder.console import printable_name, student_name
from autograder.gradebook.settings import CourseSettings
from autograder.grading.attempts import handed_in, source_and_digest
from autograder.grading.plain_files import describe_special
from autograder.grading.times import TimeRead
from autograder.grading.unfinished import describe_unfinished
from course.errors import CourseError

# in nbgrader's template of a page of feedback, before anything that a student wrote
_SHOWN_SCORE = re.compile(rb"<h4>[^<]*\(Score: (-?[\d.]+) / (-?[\d.]+)\)</h4>")


@dataclass(frozen=True)
class HandIn:
    """A folder in submitted/. `notebooks` are the names without their suffix, `others` all other files.

    `digest` tells the recipe from others, as the store does; empty if there is none to be read. `time` is None without
    any notebook.
    """

    folder: Path
    notebooks: tuple[str, ...]
    others: tuple[str, ...] = ()
    digest: str = ""
    time: TimeRead | None = None
    problem: str = ""  # such as "a symbolic link ..."


@dataclass(frozen=True)
class Autograded:
    """A folder in autograded/. `unfinished` says why it is not graded, or who is at it ("is being ...")."""

    folder: Path
    written: dt.datetime
    unfinished: str = ""
    handed_in: dt.datetime | None = None  # of what was graded, if a timestamp says so


@dataclass(frozen=True)
class FeedbackPages:
    """The pages of one hand-in. `score` is what they show in sum; None if a page does not say."""

    folder: Path
    written: dt.datetime
    score: float | None = None


def submitting_students(settings: CourseSettings) -> list[str]:
    """The ids of the students who have a folder in submitted/, whatever is in it."""
    folder = settings.folder("submitted", "", "")
    return [student_name(path.name) for path in folders_in(folder, Leftovers())] if folder.is_dir() else []


def find_folders(settings: CourseSettings, step: str) -> dict[tuple[str, str], Path]:
    """(student, assignment) -> folder, of one of nbgrader's steps, by the names of the folders."""
    coursedir = settings.coursedir
    name = getattr(coursedir, f"{step}_directory")
    pattern = re.compile(coursedir.format_path(name, "(?P<student>[^/]+)", "(?P<assignment>[^/]+)", escape=True))
    # the root may hold characters that `glob` obeys
    root = glob.escape(str(settings.root))
    found = {}
    for path in glob.glob(
        f"{root}/{coursedir.directory_structure.format(nbgrader_step=name, student_id='*', assignment_id='*')}"
    ):
        if (match := pattern.fullmatch(path)) and Path(path).is_dir():
            found[match["student"], match["assignment"]] = Path(path)
    return found


def read_hand_in(folder: Path, recipe_notebook: str) -> HandIn:
    """What lies in a folder of submitted/; `recipe_notebook` is the notebook, without suffix, that is trained."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    notebooks = tuple(name.removesuffix(".ipynb") for name in names if name.endswith(".ipynb"))
    others = tuple(printable_name(name) for name in names if not name.endswith(".ipynb"))
    if not notebooks:
        return HandIn(folder, (), others)
    name = recipe_notebook if recipe_notebook in notebooks else notebooks[0]
    path = folder / f"{name}.ipynb"
    try:
        digest = source_and_digest(path)[1] if name == recipe_notebook else ""
        return HandIn(folder, notebooks, others, digest, handed_in(path), describe_special(path))
    except (CourseError, OSError, ValueError, MemoryError) as error:
        return HandIn(folder, notebooks, others, problem=str(error))


def read_autograded(folder: Path, notebooks: Collection[str], known: Collection[str]) -> Autograded:
    """What `nbgrader autograde` made of `notebooks`. It grades those that the gradebook knows (`known`)."""
    names = [name for name in notebooks if name in known]
    files = [path for name in names if (path := folder / f"{name}.ipynb").exists()]
    graded = next((handed_in(path) for path in files), None)
    return Autograded(
        folder,
        _last_written(files or [folder]),
        describe_unfinished(folder, names, known.__contains__),
        graded.time if graded and not graded.from_file else None,
    )


def read_feedback(folder: Path) -> FeedbackPages | None:
    """The pages in a folder of feedback/; None if there is no page."""
    pages = sorted(folder.glob("*.html"))
    if not pages:
        return None
    scores = [_shown_score(page) for page in pages]
    return FeedbackPages(folder, _last_written(pages), None if None in scores else sum(filter(None, scores)))


def _shown_score(page: Path) -> float | None:
    with page.open("rb") as file:
        if not page.stat().st_size:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = _SHOWN_SCORE.search(content)
            return float(found[1]) if found else None


def _last_written(paths: list[Path]) -> dt.datetime:
    return dt.datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), dt.UTC)
