"""Exit codes, and errors reported as one sentence."""

from __future__ import annotations

import enum
import errno
import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from autograder.console.text import printable
from course.errors import CourseError, GraderError

P = ParamSpec("P")
R = TypeVar("R")


class ExitCode(enum.IntEnum):
    """The exit codes of all commands; the last two are those of a shell, 128 and the signal's number."""

    SUCCESS = 0
    NOT_PASSED = 1  # a submission did not pass, or a check found something
    WRONG_USE = 2
    INTERNAL = 3  # a fault that is not the student's
    INTERRUPTED = 130  # SIGINT
    BROKEN_PIPE = 141  # SIGPIPE: whoever read the output has closed it, as `head` does

    @classmethod
    def of(cls, error: CourseError) -> ExitCode:
        """A CourseError is wrong use, except a GraderError, which is internal."""
        return cls.INTERNAL if isinstance(error, GraderError) else cls.WRONG_USE


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a click command: an error becomes one sentence on stderr and an exit code.

    `ExitCode.of` gives that of a CourseError. Any other exception is a bug: internal, so that it never reads as "not
    passed", and with its traceback.
    """

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CourseError as error:
            click.secho(f"autograder: {error}", err=True, fg="red")
            sys.exit(ExitCode.of(error))
        except click.ClickException:
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(ExitCode.INTERRUPTED)
        except BrokenPipeError:
            raise
        except Exception as error:
            if (reason := no_room(error)) is None:
                traceback.print_exc()
            else:
                click.secho(f"autograder: {reason}", err=True, fg="red")
            sys.exit(ExitCode.INTERNAL)

    @functools.wraps(command)
    def quiet_about_pipes(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return wrapper(*args, **kwargs)
        except BrokenPipeError:  # also where a message about an error was printed
            discard_output()
            sys.exit(ExitCode.BROKEN_PIPE)

    return quiet_about_pipes


def print_warning(sentence: str) -> None:
    click.secho(sentence, err=True, fg="yellow")


def no_room(error: BaseException | None) -> str | None:
    """A sentence if a full disk, or a full quota, is what led to an exception; else None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" for {printable(str(error.filename))}" if error.filename else ""
            return (
                f"There is no room left on the disk{where} ({error.strerror}). Make room, then start again: what is "
                "finished is kept."
            )
        error = error.__cause__ or error.__context__
    return None


def discard_output() -> None:
    """Let what is still buffered go nowhere: Python flushes it at exit, and would report the closed pipe again."""
    with open(os.devnull, "w") as devnull:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(devnull.fileno(), stream.fileno())
