"""The source of a recipe line by line, with what changed since the student's attempt before."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

MAX_LINES = 2_000  # that are shown
MAX_COMPARED_LINES = 600  # difflib takes cubic time in the worst case, and students write what it compares


@dataclass(frozen=True)
class SourceLine:
    """`mark` is "+" for a new line, "-" for a deleted one, " " for an unchanged or uncompared one."""

    mark: str
    text: str


@dataclass(frozen=True)
class SourceDiff:
    """`compared` tells whether there is a comparison; `omitted` lines are not shown."""

    lines: tuple[SourceLine, ...]
    compared: bool
    omitted: int


def diff_sources(source: str, before: str) -> SourceDiff:
    """`source` against the source of the attempt `before`; either is empty if none is stored."""
    if not source:
        return SourceDiff((), False, 0)
    new, old = (text.rstrip("\n").expandtabs(4).split("\n") for text in (source, before))
    omitted = max(0, len(new) - MAX_LINES)
    if not before or max(len(new), len(old)) > MAX_COMPARED_LINES:
        return SourceDiff(tuple(SourceLine(" ", line) for line in new[:MAX_LINES]), False, omitted)
    lines: list[SourceLine] = []
    for operation, old_start, old_end, new_start, new_end in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if operation == "equal":
            lines += [SourceLine(" ", line) for line in new[new_start:new_end]]
        else:
            lines += [SourceLine("-", line) for line in old[old_start:old_end]]
            lines += [SourceLine("+", line) for line in new[new_start:new_end]]
    return SourceDiff(tuple(lines), True, omitted)
