"""What every command shares: exit codes, errors reported as one sentence, and text that is safe to print."""

from __future__ import annotations

import enum
import errno
import functools
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from course.errors import CourseError, GraderError

P = ParamSpec("P")
R = TypeVar("R")

# of click and of rich
VERDICT_COLORS = {
    "pass": "green",
    "borderline": "yellow",
    "fail": "red",
    "refused": "red",
    "error": "red",
    "internal": "magenta",
}


class ExitCode(enum.IntEnum):
    """The exit codes of all commands; the last two are those of a shell, 128 and the signal's number."""

    SUCCESS = 0
    NOT_PASSED = 1  # a submission did not pass, or a check found something
    WRONG_USE = 2
    INTERNAL = 3  # a fault that is not the student's
    INTERRUPTED = 130  # SIGINT
    BROKEN_PIPE = 141  # SIGPIPE: whoever read the output has closed it, as `head` does


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a click command: an error becomes one sentence on stderr and an exit code.

    A CourseError is wrong use, except a GraderError, which is internal. Any other exception is a bug: internal as
    well, so that it never reads as "not passed", and with its traceback.
    """

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CourseError as error:
            click.secho(f"autograder: {error}", err=True, fg="red")
            sys.exit(ExitCode.INTERNAL if isinstance(error, GraderError) else ExitCode.WRONG_USE)
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


def printable(text: str, max_length: int = 2000) -> str:
    """`text` as one safe paragraph: control and direction characters, which a terminal obeys, become spaces.

    A longer text is cut to `max_length` characters, with an ellipsis at its end.
    """
    clean = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text[: max_length + 1])
    return clean if len(clean) <= max_length else clean[: max_length - 1] + "…"


def printable_name(name: str) -> str:
    """A file's name, which on Linux may be any bytes, as text that can be printed and stored; names stay different."""
    return name.encode(errors="backslashreplace").decode()


def student_name(name: str) -> str:
    """A student's id from the name of a file or a folder, without what nobody sees.

    A Mac writes é as two characters, other systems as one; spaces and invisible characters at either end get there by
    copying.
    """
    text = unicodedata.normalize("NFC", printable_name(name))
    while text and (_is_invisible(text[0]) or _is_invisible(text[-1])):
        text = text[_is_invisible(text[0]) :][: -1 if _is_invisible(text[-1]) else None]
    return text or printable_name(name)


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def format_duration(seconds: float) -> str:
    """Like a clock: 2:03, or 1:02:03 from an hour on."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
