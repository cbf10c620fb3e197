"""The course's secret: the key of the seeds, of the store's chain of digests and of pseudonyms."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from platformdirs import user_config_path

from course.errors import GraderError
from course.rules import course_folder

SECRET_VARIABLE = "UNDER8K_SECRET"
PRIVATE = ".under8k"  # the folder in a course that no submission and no other user may see


def private_folder() -> Path | None:
    """Where the course at hand keeps its secret, its unfinished runs and its record of files; None outside of one."""
    course = course_folder()
    return None if course is None else course / PRIVATE


def secret_file() -> Path:
    """In the course at hand, else in the user's configuration."""
    private = private_folder()
    return private / "secret" if private else user_secret_file()


def user_secret_file() -> Path:
    """Of what is graded outside of any course."""
    return user_config_path("under8k") / "secret"


def secret_place() -> str:
    """For people: where the secret comes from."""
    return f"${SECRET_VARIABLE}" if os.environ.get(SECRET_VARIABLE) else str(secret_file())


def make_private(folder: Path) -> None:
    """Create a folder, or take it away from others: nobody but its owner can look into it. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def read_secret() -> bytes | None:
    """The secret, if there is one already. Raises GraderError if its file cannot be read."""
    if given := os.environ.get(SECRET_VARIABLE):
        return given.encode()
    path = secret_file()
    try:
        return path.read_text().strip().encode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GraderError(
            f"The course's secret cannot be read from {path} ({error.strerror}). "
            f"Make the file readable, or set {SECRET_VARIABLE}."
        ) from None


def course_secret() -> bytes:
    """From the environment, or from a file that is made on first use. Raises GraderError."""
    if (existing := read_secret()) is not None:
        return existing
    path = secret_file()
    try:
        if path.parent == private_folder():
            make_private(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        try:
            os.link(fresh, path)  # fails if another process was first; then all read that one's secret
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return path.read_text().strip().encode()
    except OSError as error:
        raise GraderError(
            f"The course's secret cannot be stored in {path} ({error.strerror}). "
            f"Make the folder writable, or set {SECRET_VARIABLE}."
        ) from None
