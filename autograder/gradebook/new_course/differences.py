"""How the files of a course differ from those of this version of the package."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.gradebook.new_course.written import WrittenFiles

# same: as the package has it; missing: to be written; deleted: by the instructor, so it stays away; outdated: as an
# earlier version wrote it; edited: by the instructor, and the package has nothing newer; conflict: edited, and it has
State = Literal["same", "missing", "deleted", "outdated", "edited", "conflict"]


@dataclass(frozen=True)
class CourseFile:
    """One file of the package's: `found` is what the course has there, None if nothing; `packaged` what it would be."""

    path: str
    state: State
    found: bytes | None
    packaged: bytes

    def diff(self) -> str:
        """From what is there to what the package has, as a unified diff."""
        before, after = (
            content.decode(errors="replace").splitlines(keepends=True) for content in (self.found or b"", self.packaged)
        )
        lines = difflib.unified_diff(before, after, self.path, f"{self.path} (new)")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def compare(root: Path, packaged: dict[str, bytes], written: WrittenFiles) -> list[CourseFile]:
    """Every file of the package's with its state in the course. Raises OSError."""
    return [_compare(root, path, content, written) for path, content in packaged.items()]


def _compare(root: Path, path: str, packaged: bytes, written: WrittenFiles) -> CourseFile:
    found = (root / path).read_bytes() if (root / path).exists() else None
    state: State
    if found is None:  # a course works without one of the lessons, and not without the other files
        state = "deleted" if path in written.files and path.startswith("source/") else "missing"
    elif found == packaged:
        state = "same"
    elif written.has(path, found):
        state = "outdated"
    else:
        state = "edited" if written.has(path, packaged) else "conflict"
    return CourseFile(path, state, found, packaged)
