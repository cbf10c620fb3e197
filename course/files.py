"""Writing files so that a reader finds either the old content or the new one, even if the writer is killed."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8, with its line ends as they are) to `path`, completely or not at all.

    Missing folders are created. When the call returns, the content is on the disk. Raises OSError and then leaves no
    temporary file; a killed process may leave one, named like the file with a dot before it.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
