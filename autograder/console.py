"""What people read in a terminal: untrusted text made safe to print, and errors as one sentence with an exit code."""

from __future__ import annotations

import functools
import sys
import traceback
import unicodedata
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from course.errors import CourseError, GraderError

# exit codes
WRONG_USE, INTERNAL, INTERRUPTED = 2, 3, 130

P = ParamSpec("P")
R = TypeVar("R")


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a click command: a CourseError becomes one sentence, exit code 2, or 3 for a fault of ours."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CourseError as error:
            click.secho(f"autograder: {error}", err=True, fg="red")
            sys.exit(INTERNAL if isinstance(error, GraderError) else WRONG_USE)
        except click.ClickException:
            raise
        except Exception:  # a bug of ours must not read as "not passed"
            traceback.print_exc()
            sys.exit(INTERNAL)

    return wrapper


def printable(text: str, max_length: int = 2000) -> str:
    """`text` as one safe paragraph: control and direction characters, which a terminal obeys, become spaces.

    A longer text is cut to `max_length` characters, with an ellipsis at its end.
    """
    clean = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text[: max_length + 1])
    return clean if len(clean) <= max_length else clean[: max_length - 1] + "…"
