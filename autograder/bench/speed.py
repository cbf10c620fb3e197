"""The published training loop against ours, side by side: one submission alone, and queues of two and four.

Every loop of every model has processes of its own that live through the whole measurement; rounds alternate between
them, so that a busy moment of the machine falls on all. A round is a part of an epoch, and an epoch is projected from
it: 469 steps and 10,000 test images. A queue goes through the machine's cores as the grader does it, one submission
on each; the published loop has all cores for one submission after the other, as PyTorch does by itself.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autograder.sandbox import last_stderr_line

STEPS, IMAGES = 469, 10_000  # of an epoch at batch size 128


@dataclass(frozen=True)
class Size:
    """How much is measured: `rounds` parts of `steps` training steps and `images` test images each."""

    rounds: int = 7
    steps: int = 40
    images: int = 1_000


@dataclass
class Measured:
    """Seconds of an epoch, projected, one number a round. `shares` are of our training steps, by part."""

    published: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    queues: dict[int, list[float]] = field(default_factory=dict)  # submissions -> seconds until all have their epoch
    shares: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self) -> dict[str, list[float]]:
        """How many times faster than the published loop, round by round."""
        found = {"one alone": [p / o for p, o in zip(self.published, self.ours, strict=True)]}
        for count, seconds in self.queues.items():
            found[f"queue of {count}"] = [count * p / q for p, q in zip(self.published, seconds, strict=True)]
        return found


class Loop:
    """A process of `autograder.bench.loops`, ready to do a part of the work."""

    def __init__(self, name: str, file: Path):
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - stderr, bars and all; closed by close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autograder.bench.loops", name, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def start(self, size: Size) -> None:
        self._process.stdin.write(f"{size.steps} {size.images}\n")
        self._process.stdin.flush()

    def answer(self) -> dict | list:
        return json.loads(self._line())

    def wait_until_ready(self) -> None:
        while self._line() != "ready\n":
            pass

    def _line(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            self._said.seek(0)
            last = last_stderr_line(self._said.read()) or "none"
            raise RuntimeError(
                f"A loop of the benchmark ended with exit code {self._process.wait()}. Last line of stderr: {last}"
            )
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()


@contextmanager
def loops(file: Path, cores: int) -> Iterator[tuple[Loop, list[Loop]]]:
    """The published loop, and one of ours for each core."""
    with ExitStack() as stack:
        made = [Loop(name, file) for name in ("published", *["ours"] * cores)]
        for loop in made:
            stack.callback(loop.close)
        for loop in made:
            loop.wait_until_ready()
        yield made[0], made[1:]


def projected(answer: dict, size: Size) -> float:
    """Seconds of a whole epoch."""
    return answer["training"] * STEPS / size.steps + answer["evaluation"] * IMAGES / size.images


def compared(file: Path, size: Size, cores: int, queues: tuple[int, ...] = (2, 4)) -> Measured:
    """Measure the recipe in `file`, a notebook or a Python file."""
    measured = Measured(queues={count: [] for count in queues})
    with loops(file, cores) as (published, ours):
        for _ in range(size.rounds):
            published.start(size)
            measured.published.append(projected(published.answer(), size))
            ours[0].start(size)
            answer = ours[0].answer()
            measured.ours.append(projected(answer, size))
            for part, share in answer["shares"].items():
                measured.shares.setdefault(part, []).append(share)
            for count in queues:
                measured.queues[count].append(_queue(ours, count, size))
    return measured


def _queue(ours: list[Loop], count: int, size: Size) -> float:
    """Seconds in which `count` submissions have had an epoch, projected, with one on each core at a time."""
    seconds, waiting = 0.0, count
    while waiting:
        running = ours[: min(waiting, len(ours))]
        for loop in running:
            loop.start(size)
        seconds += max(projected(loop.answer(), size) for loop in running)
        waiting -= len(running)
    return seconds


def operators(file: Path) -> list[list]:
    """The operators that take most of our step's time, each with its share."""
    loop = Loop("operators", file)
    try:
        return loop.answer()
    finally:
        loop.close()


def summary(values: list[float]) -> dict[str, float]:
    """Median, least, most and n."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "n": len(values),
    }
