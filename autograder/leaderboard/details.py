"""One attempt looked at closely: its source and what changed, the network, the mistakes as digits."""

from __future__ import annotations

import base64
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from autograder.store import Seen, Store
from course.inspection import Inspection

MOST_MISTAKES = 60  # digits that are shown
MOST_LINES = 3_000  # of a source; a longer one is cut


@dataclass(frozen=True)
class Line:
    """`mark` is "+", "-" or " ": new since the attempt before, gone since then, or as it was."""

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

    name: str
    x: int
    width: int
    height: int
    kind: str  # convolution, pooling, dropout, other
    words: str


def changes(source: str, before: str) -> list[Line]:
    """The source line by line; marked where there is an attempt before."""
    lines = source.splitlines()[:MOST_LINES]
    if not before:
        return [Line(" ", line) for line in lines]
    compared = difflib.ndiff(before.splitlines()[:MOST_LINES], lines, linejunk=None, charjunk=None)
    return [Line(line[0], line[2:]) for line in compared if line[0] != "?"]


def mistakes(store: Store, run_id: int) -> list[Mistake]:
    """Digits that the run's last epoch got wrong; none when they were not kept. Raises DataError, StoreError."""
    from course import data

    wrong = store.overview.mistakes(run_id)[:MOST_MISTAKES]
    if not wrong:
        return []
    test = data.load().test
    return [Mistake(n, int(test.labels[n]), said, _picture(test.images[n].numpy())) for n, said in wrong]


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
        found.append(Block(layer.name, x, width, min(height, 128), kind, words))
        x += width + 8
    return found


_NUMBERS = re.compile(r"\d[\d.,]*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


def stumbles(attempts: Iterable[Seen], most: int = 12) -> list[tuple[str, int]]:
    """Reasons and how many students met them; what differs only in numbers and names is one reason."""
    met: Counter[str] = Counter()
    for reason, _ in {(_kind(reason), seen.student) for seen in attempts for reason in _told(seen)}:
        met[reason] += 1
    return sorted(met.items(), key=lambda item: (-item[1], item[0]))[:most]


def _told(seen: Seen) -> tuple[str, ...]:
    return seen.reasons if seen.verdict in ("fail", "refused", "error") else ()


def _kind(reason: str) -> str:
    first = re.split(r"; |(?<=[a-z)])\. ", re.sub(r"^Run \d+: ", "", reason), maxsplit=1)[0]
    return _NUMBERS.sub("…", _QUOTED.sub("…", first))
