"""The grader's seeds: drawn from the course's secret and the spec, so that nobody can hunt for a lucky one."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from platformdirs import user_config_path

from course.errors import GraderError

SECRET_VARIABLE = "UNDER8K_SECRET"


def secret_file() -> Path:
    return user_config_path("under8k") / "secret"


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
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        try:
            os.link(fresh, path)  # of several first users one wins, and all read the same
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return path.read_text().strip().encode()
    except OSError as error:
        raise GraderError(
            f"The course's secret cannot be kept in {path} ({error.strerror}). "
            f"Make the folder writable, or set {SECRET_VARIABLE}."
        ) from None


def draw_seed(secret: bytes, spec_hash: str, number: int) -> int:
    """The seed of run `number` (from 1): 31 bits that nobody without the secret can foresee."""
    digest = hmac.digest(secret, f"{spec_hash}/{number}".encode(), "sha256")
    return int.from_bytes(digest[:4], "big") >> 1
