"""What every command of the package does with an error: one sentence on stderr and an exit code, never a traceback."""

from __future__ import annotations

import functools
import sys
import traceback
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
