"""Writing files whole, and the text that no file can hold.

A reader of a file finds either the old content or the new one, even if the writer is killed.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

# NUL, which Python and PostgreSQL refuse in text, and halves of surrogate pairs, which have no form in UTF-8
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_LINE_END = re.compile("\r\n|\r|\n")


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


def unwritable_text(text: str) -> str:
    """A sentence about the first character that cannot be part of a text, with its line and column; empty if none.

    Decode with `errors="surrogateescape"` what may not be UTF-8: such a byte is one of these characters then.
    """
    found = _UNWRITABLE.search(text)
    if found is None:
        return ""
    lines = _LINE_END.split(text[: found.start()])
    code = ord(found[0])
    what = f"half of a character (U+{code:04X}, a surrogate), which no file can hold"
    if code == 0:
        what = "a NUL character (U+0000), which Python cannot read"
    elif 0xDC80 <= code <= 0xDCFF:  # what surrogateescape makes of a byte
        what = f"a byte that is not UTF-8 (0x{code - 0xDC00:02X})"
    return f"Line {len(lines)}, column {len(lines[-1]) + 1} holds {what}. Delete it, and type again what it was to be."


def writable(text: str) -> str:
    """The text with U+FFFD in place of every character that cannot be part of a text."""
    return _UNWRITABLE.sub("\ufffd", text)
