"""Text that is safe to print, and how verdicts, names, durations and commands are shown."""

from __future__ import annotations

import glob
import shlex
import unicodedata

# of click and of rich
VERDICT_COLORS = {
    "pass": "green",
    "borderline": "yellow",
    "fail": "red",
    "refused": "red",
    "error": "red",
    "internal": "magenta",
}


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


def nbgrader_command(command: str, assignment: str, student: str, *, force: bool = False) -> str:
    """For a shell, and for this student alone."""
    return " ".join(["nbgrader", command, shlex.quote(assignment), student_option(student), *["--force"] * force])


def student_option(student: str) -> str:
    """nbgrader's `--student`, for a shell. It is a pattern: `[x]` is an x, unless it is escaped."""
    return shlex.quote(f"--student={glob.escape(student)}")


def format_points(points: float) -> str:
    """`12`, `2.5`, `3.33`: as nbgrader shows them."""
    return f"{round(points, 2):g}"


def format_duration(seconds: float) -> str:
    """Like a clock: 2:03, or 1:02:03 from an hour on."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
