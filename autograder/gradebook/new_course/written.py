"""What was written into a course, by hash: it tells an instructor's edit from a file of an earlier version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from autograder.store.secret import PRIVATE, make_private
from course.errors import UsageError
from course.files import write_atomically

RECORD = f"{PRIVATE}/written.json"


@dataclass(frozen=True)
class WrittenFiles:
    """Path in the course -> SHA-256 of what was written there last. `version` is the package that wrote last."""

    version: str
    course_id: str
    files: dict[str, str] = field(default_factory=dict)

    def has(self, path: str, content: bytes) -> bool:
        """Whether this is what was written there."""
        return self.files.get(path) == digest(content)


_RECORD = TypeAdapter(WrittenFiles)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_record(root: Path) -> WrittenFiles | None:
    """The record of a course; None if there is none. Raises UsageError if it is damaged."""
    path = root / RECORD
    try:
        return _RECORD.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        reason = getattr(error, "strerror", None) or "its text is not what was written"
        raise UsageError(
            f"{path} cannot be read ({reason}). Delete it: every file that differs then counts as edited by you."
        ) from None


def write_record(root: Path, record: WrittenFiles) -> None:
    """Raises OSError."""
    make_private((root / RECORD).parent)
    text = json.dumps({"version": record.version, "course_id": record.course_id, "files": record.files}, indent=1)
    write_atomically(root / RECORD, text + "\n")
