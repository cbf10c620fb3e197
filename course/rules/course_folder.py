"""The folder of the course at hand: the root of an nbgrader course, whose `rules.toml` has its limits."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from course.errors import UsageError

COURSE_VARIABLE = "UNDER8K_COURSE"  # processes that are started from here are in the same course
ASSIGNMENT_VARIABLE = "UNDER8K_ASSIGNMENT"  # the assignment at hand, where the working folder has another name
RULES, CONFIG = "rules.toml", "nbgrader_config.py"
_chosen: list[str] = []  # by `choose_course` in this process; a Jupyter server may serve several courses
# what lies below these in a course is a student's: it is never taken for a course
_HAND_INS = frozenset({"submitted", "autograded", "feedback"})


def course_folder() -> Path | None:
    """$UNDER8K_COURSE, else the nearest course from the working folder upwards: rules.toml beside nbgrader_config.py.

    In a student's notebook it is the notebook's own folder, if rules were released with it. None outside of any course.
    Raises UsageError if the variable names a folder without rules.toml.
    """
    if chosen := os.environ.get(COURSE_VARIABLE):
        folder = Path(chosen).expanduser().absolute()
        if not (folder / RULES).is_file():
            raise UsageError(
                f"{COURSE_VARIABLE} is {chosen}, and there is no {RULES} in it. Name the root of a course, or unset it."
            )
        return folder
    here = Path.cwd()
    return _course_above(here) or (here if (here / RULES).is_file() and _is_notebook() else None)


def choose_course(folder: Path) -> Path | None:
    """Make `folder`, or the course around it, the course of this process and of those that it starts.

    Returns the course. Without one (no rules.toml) the result is None, and a course that was chosen before is left; one
    that the user's environment names stays.
    """
    folder = folder.absolute()
    course = folder if (folder / RULES).is_file() else _course_above(folder)
    if course is not None:
        _chosen.append(str(course))
        os.environ[COURSE_VARIABLE] = str(course)
    elif os.environ.get(COURSE_VARIABLE) in _chosen:
        del os.environ[COURSE_VARIABLE]
    return course


def course_around(hand_ins: Path) -> Path | None:
    """The course in which a folder of hand-ins lies, or which it is; what was handed in is not taken for one."""
    path = hand_ins.absolute()
    is_of_nbgrader = (path / "submitted").is_dir() or not _HAND_INS.isdisjoint(path.parts)
    return _course_above(path) if is_of_nbgrader else None


def _course_above(start: Path) -> Path | None:
    folders = [start, *start.parents]
    outside = [place + 1 for place, folder in enumerate(folders) if folder.name in _HAND_INS]
    for folder in folders[max(outside, default=0) :]:
        if (folder / RULES).is_file() and (folder / CONFIG).is_file():
            return folder
    return None


def _is_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    return ipython is not None and ipython.get_ipython() is not None
