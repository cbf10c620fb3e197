"""The lessons of this clone, as a person names them."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.gradebook.new_course.lessons import lesson_names
from course.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]

# for click commands: the names that a person typed, which `chosen_or_all` checks
lesson_argument = click.argument("chosen", metavar="[LESSON]...", nargs=-1)


def chosen_or_all(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The chosen lessons, or all when none is named. Raises UsageError for a name that is not in source/."""
    names = lesson_names(ROOT)
    for name in chosen:
        if name not in names:
            raise UsageError(f"There is no lesson {name!r} in source/. The lessons are: {', '.join(names)}.")
    return chosen or names
