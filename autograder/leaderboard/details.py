"""One attempt looked at closely: its source and what changed, the network, the mistakes as digits."""

from __future__ import annotations

import base64
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from PIL import Image

from autograder.store import AttemptSummary, Store
from course.inspection import Inspection

MOST_MISTAKES = 60  # digits that are shown
MOST_LINES = 2_000  # of a source; of a longer one the rest is counted
MOST_COMPARED = 600  # lines; comparing takes time that grows with the cube of what a student may write


@dataclass(frozen=True)
class Line:
    """`mark` is "+", "-" or " ": new since the attempt before, gone since then, or as it was (or not compared)."""

    mark: str
    text: str


@dataclass(frozen=True)
class Mistake:
    """A test digit read wrongly; `picture` is a data URL."""

    number: int
    label: int
    said: int
    picture: str


@dataclass(frozen=True)
class Block:
    """A layer in the network's picture, in the units of its SVG."""

    x: int
    width: int
    height: int
    kind: str  # convolution, pooling, dropout, other
    words: str


@dataclass(frozen=True)
class Changes:
    """The source line by line; `compared` with the attempt before, or not, and how many lines are `left_out`."""

    lines: tuple[Line, ...]
    compared: bool
    left_out: int


def changes(source: str, before: str) -> Changes:
    """Both are empty where none is kept."""
    if not source:
        return Changes((), False, 0)
    new, old = (text.expandtabs(4).split("\n") for text in (source.rstrip("\n"), before.rstrip("\n")))
    left_out = max(0, len(new) - MOST_LINES)
    if not before or max(len(new), len(old)) > MOST_COMPARED:
        return Changes(tuple(Line(" ", line) for line in new[:MOST_LINES]), False, left_out)
    lines: list[Line] = []
    for kind, i, j, m, n in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            lines += [Line(" ", line) for line in new[m:n]]
        else:
            lines += [*(Line("-", line) for line in old[i:j]), *(Line("+", line) for line in new[m:n])]
    return Changes(tuple(lines), True, left_out)


def mistakes(store: Store, run_id: int) -> list[Mistake]:
    """Digits that the run's last epoch got wrong; none when they were not kept.

    Raises DataError (MNIST is not here, and a page does not wait for it to be fetched), GraderError, StoreError.
    """
    wrong = store.overview.misclassified(run_id)[:MOST_MISTAKES]
    test = _test_digits() if wrong else None
    return [Mistake(n, int(test.labels[n]), said, _picture(test.images[n].numpy())) for n, said in wrong]


@cache
def _test_digits():
    from course import data

    return data.load(download=False).test


def _picture(pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


_KINDS = {"conv": "convolution", "linear": "convolution", "mm": "convolution", "pool": "pooling", "dropout": "dropout"}


def blocks(inspection: Inspection) -> list[Block]:
    """The layers side by side: as high as their maps, as wide as their channels."""
    found, x = [], 0
    for layer in inspection.layers:
        channels, *sides = layer.shape or (1,)
        height = 8 + 4 * (sides[0] if sides else 1)
        width = 6 + min(channels, 64)
        kind = next((kind for part, kind in _KINDS.items() if part in layer.operator), "other")
        words = f"{layer.name}, {layer.operator}: {'x'.join(map(str, layer.shape))}"
        found.append(Block(x, width, min(height, 128), kind, words))
        x += width + 8
    return found


_NUMBERS = re.compile(r"\d[\d.,]*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


def stumbles(attempts: Iterable[AttemptSummary], most: int = 12) -> list[tuple[str, int]]:
    """Reasons and how many students met them; what differs only in numbers and names is one reason."""
    met: Counter[str] = Counter()
    for reason, _ in {(_kind(reason), seen.student) for seen in attempts for reason in _told(seen)}:
        met[reason] += 1
    return sorted(met.items(), key=lambda item: (-item[1], item[0]))[:most]


def _told(seen: AttemptSummary) -> tuple[str, ...]:
    return seen.reasons if seen.verdict in ("fail", "refused", "error") else ()


def _kind(reason: str) -> str:
    without = _NUMBERS.sub("…", _QUOTED.sub("…", re.sub(r"^Run \d+: ", "", reason)))
    return re.split(r"; |(?<=[a-z)…])\. ", without, maxsplit=1)[0]
