"""The lessons of the course: their names, and where each notebook lies."""

from __future__ import annotations

from pathlib import Path

import click

from course.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


def lesson_names(root: Path) -> tuple[str, ...]:
    """The lessons in source/, sorted. A lesson is a folder with a notebook of the same name."""
    return tuple(sorted(path.stem for path in (root / "source").glob("*/*.ipynb") if path.stem == path.parent.name))


def notebook_path(root: Path, stage: str, lesson: str) -> Path:
    """The lesson's notebook in `stage`: source, release or solutions."""
    return root / stage / lesson / f"{lesson}.ipynb"


# for click commands: the names that a person typed, which `chosen_or_all` checks
lesson_argument = click.argument("chosen", metavar="[LESSON]...", nargs=-1)


def chosen_or_all(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The chosen lessons, or all when none is named. Raises UsageError for a name that is not in source/."""
    names = lesson_names(ROOT)
    for name in chosen:
        if name not in names:
            raise UsageError(f"There is no lesson {name!r} in source/. The lessons are: {', '.join(names)}.")
    return chosen or names
