"""The outputs of a large notebook are cut out before its JSON is read: nothing that is graded is in them.

They are found by their brackets and quotes in the file as it lies on the disk, so that they are never in memory.
"""

from __future__ import annotations

import mmap
import re

MAX_TOKENS = 20_000_000  # brackets and strings; a notebook with 500 MB of printed lines has about 10 million
_NEXT = re.compile(rb'[\[\]{}"]')
_COLON = re.compile(rb"\s*+:")
_CELLS, _CELL = 2, 3  # depths: the notebook is 1, its list of cells 2, a cell 3


def without_outputs(content: bytes | mmap.mmap) -> bytes:
    """The JSON of a notebook, with an empty list in the place of each cell's outputs. Raises ValueError."""
    kept: list[bytes] = []
    start = position = depth = tokens = 0
    in_cells = False
    after_key, skip_to = b"", 0  # the key that was read last; the depth at which skipping ends
    while found := _NEXT.search(content, position):
        tokens += 1
        if tokens > MAX_TOKENS:
            raise ValueError(f"it has more than {MAX_TOKENS:,} brackets and strings")
        character, at = found[0], found.start()
        position = at + 1
        if character == b'"':
            position = _end_of_string(content, position)
            is_key = depth in (1, _CELL) and not skip_to and _COLON.match(content, position)
            after_key = bytes(content[at + 1 : position - 1][:20]) if is_key else b""
        elif character in b"[{":
            depth += 1
            if after_key == b"cells" and depth == _CELLS:
                in_cells = True
            elif after_key == b"outputs" and depth == _CELL + 1 and in_cells and character == b"[":
                kept.append(bytes(content[start:position]))
                skip_to = _CELL
            after_key = b""
        else:
            depth -= 1
            if skip_to and depth == skip_to:
                start, skip_to = at, 0
            in_cells = in_cells and depth >= _CELLS
    if depth or skip_to:
        raise ValueError("its brackets do not match")
    return b"".join([*kept, bytes(content[start:])])


def _end_of_string(content: bytes | mmap.mmap, start: int) -> int:
    """After the closing quote of a string that begins at `start`. Raises ValueError."""
    position = start
    while (end := content.find(b'"', position)) >= 0:
        if _trailing_backslashes(content, position, end) % 2 == 0:
            return end + 1
        position = end + 1
    raise ValueError("a string in it does not end")


def _trailing_backslashes(content: bytes | mmap.mmap, start: int, end: int) -> int:
    size = 64
    while True:
        part = content[max(start, end - size) : end]
        count = len(part) - len(part.rstrip(b"\\"))
        if count < len(part) or len(part) == end - start:
            return count
        size *= 8
