"""Which file is whose attempt, when it was handed in, and what identifies a run in the store."""

from __future__ import annotations

import datetime as dt
import hashlib
import stat
from pathlib import Path

from autograder.console import printable, printable_name, student_name
from autograder.grading.options import AskedOptions, Options
from autograder.grading.plain_files import NBGRADER_FOLDERS, describe_special
from autograder.grading.read_submission import read_bytes, read_recipe_source
from autograder.grading.times import MAX_LENGTH, TimeRead, read_time
from autograder.store import RunKey, Store
from autograder.store.records import software_versions
from course.errors import StudentCodeError, UsageError
from course.spec import Spec

TIMESTAMP = "timestamp.txt"  # nbgrader writes the time of hand-in to this file next to a submission


def register(store: Store, path: Path, student: str, assignment: str) -> int:
    """Record the file as an attempt, unless it is one already. Returns its id. Raises StoreError, UsageError."""
    source, digest = source_and_digest(path)
    name, student = printable_name(path.name), student_name(student)
    return store.results.record_attempt(student, assignment, name, digest, handed_in(path).time, source)


def source_and_digest(path: Path) -> tuple[str, str]:
    """The recipe's source, and the SHA-256 that tells it from others; of a file without a recipe "" and the file's.

    Raises UsageError if the file cannot be read.
    """
    source = _recipe_source(path)
    return source, hashlib.sha256(source.encode() if source else _content(path)).hexdigest()


def run_key(spec: Spec, seed: int, options: Options) -> RunKey:
    """What the numbers of a run depend on. Raises UsageError if the device does not exist."""
    return asked_run_key(spec.hash, seed, options.asked_options())


def asked_run_key(spec_hash: str, seed: int, asked: AskedOptions) -> RunKey:
    """The key of a run by the software of now."""
    used = software_versions()
    trainer = f"trainer {used['trainer']}, torch {used['torch']}, torchvision {used['torchvision']}"
    if asked.data:  # runs on all of MNIST, and those of versions without any other data, are named without it
        trainer += f", data {asked.data}"
    return RunKey(spec_hash, seed, asked.device, asked.threads, trainer, asked.reduced)


def handed_in(path: Path) -> TimeRead:
    """The time in nbgrader's timestamp file next to `path`.

    Else the time when `path` was last changed, but none that is still to come. Whoever handed it in can set it, so
    `assumed` and `from_file` say that it is this one.
    """
    problem = f"there is no {TIMESTAMP} beside {printable_name(path.name)}"
    timestamp = path.parent / TIMESTAMP
    try:
        if stat.S_ISREG(timestamp.lstat().st_mode):  # neither a link, nor a pipe that nobody writes to
            with timestamp.open(encoding="utf-8") as file:
                text = file.read(MAX_LENGTH + 1)
            return read_time(text)
        problem = f"{TIMESTAMP} is not a plain file"
    except OSError:
        pass
    except ValueError as error:
        problem = f"{TIMESTAMP} holds no time ({printable(str(error), 200)})"
    changed = dt.datetime.fromtimestamp(path.lstat().st_mtime, dt.UTC)
    time = min(changed, dt.datetime.now(dt.UTC))
    note = f"{problem}, so the time {time:%Y-%m-%d %H:%M:%S} UTC is that of the file itself, which a student can set."
    return TimeRead(time, note[:1].upper() + note[1:], from_file=True)


def student_of(path: Path) -> str | None:
    """The student in a path of nbgrader's layout, submitted/<student>/<assignment>/<file>; None for other paths."""
    folders = path.absolute().parents
    return student_name(folders[1].name) if len(folders) > 2 and folders[2].name in NBGRADER_FOLDERS else None


def _recipe_source(path: Path) -> str:
    """The recipe's source; empty if the file has none. Raises UsageError."""
    try:
        return read_recipe_source(path)
    except StudentCodeError:
        return ""


def _content(path: Path) -> bytes:
    """What tells this file from another one without a recipe. Nothing that it leads to is read. Raises UsageError."""
    try:
        return describe_special(path).encode(errors="backslashreplace") or read_bytes(path)
    except StudentCodeError as error:  # too large; the message has the size
        return str(error).encode(errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
