"""The files of a new course, as this version of the package writes them."""

from __future__ import annotations

import re
from pathlib import Path

from course.rules import PACKAGED

FILES = Path(__file__).parent / "files"  # in a clone, lessons and settings are links to those at its top
COURSE_ID = "under8k"  # in the packaged settings
MAX_COURSE_ID = 60


def packaged_files(course_id: str) -> dict[str, bytes]:
    """Path in the course -> content. `course_id` is what nbgrader calls the course, where several share an exchange."""
    config = (FILES / "nbgrader_config.py.txt").read_text(encoding="utf-8")
    readme = (FILES / "README.md").read_text(encoding="utf-8")
    setting = 'c.CourseDirectory.course_id = "{}"\n'
    lessons = sorted(path for path in (FILES / "source").glob("*/*") if path.is_file() and path.name[0] != ".")
    return {
        "rules.toml": PACKAGED.read_bytes(),
        "nbgrader_config.py": config.replace(setting.format(COURSE_ID), setting.format(course_id)).encode(),
        "README.md": readme.replace("COURSE_ID", course_id).encode(),
        ".gitignore": (FILES / "gitignore").read_bytes(),
        **{path.relative_to(FILES).as_posix(): path.read_bytes() for path in lessons},
    }


def course_id_of(folder: Path) -> str:
    """A name that nbgrader takes, made from the folder's."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.name)[:MAX_COURSE_ID].strip("-.")
    return name or COURSE_ID
