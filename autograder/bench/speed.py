"""The published training loop against the grader's: one submission alone, and queues of several.

Every loop has a process of its own (`autograder.bench.loops`) that lives through the whole measurement. Rounds
alternate between them, so that other load on the machine affects all of them. A round is a part of an epoch, from which
a whole epoch is projected: 469 steps and 10,000 test images. One submission alone has all cores, as `fit` trains it in
a notebook, and then one core. The grader works through a queue with one submission on each core; the published loop, as
PyTorch does by default, uses all cores for one submission after the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.sandbox import last_stderr_line
from course.recipe import TEST_IMAGES

if TYPE_CHECKING:  # it loads PyTorch
    from autograder.bench.loops import Times

STEPS = 469  # of an epoch with batch size 128


@dataclass(frozen=True)
class Size:
    """How much is measured: `rounds`, each of `steps` training steps and `images` test images."""

    rounds: int = 7
    steps: int = 40
    images: int = 1_000


@dataclass
class EpochTimes:
    """Projected seconds of an epoch, one number for each round. `shares` are of our training steps, by part."""

    published: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    on_one_core: list[float] = field(default_factory=list)
    queues: dict[int, list[float]] = field(default_factory=dict)  # submissions -> seconds until each has its epoch
    shares: dict[str, list[float]] = field(default_factory=dict)

    def speedups(self) -> dict[str, list[float]]:
        """How many times faster than the published loop, for each round."""
        speedups = {"one alone": [p / o for p, o in zip(self.published, self.ours, strict=True)]}
        speedups["on one core"] = [p / o for p, o in zip(self.published, self.on_one_core, strict=True)]
        for count, seconds in self.queues.items():
            speedups[f"queue of {count}"] = [count * p / q for p, q in zip(self.published, seconds, strict=True)]
        return speedups


class LoopProcess:
    """A process of `autograder.bench.loops`. Its methods raise RuntimeError if it has ended."""

    def __init__(self, loop: str, file: Path):
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autograder.bench.loops", loop, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )

    def start_round(self, size: Size, threads: int = 1) -> None:
        assert self._process.stdin is not None  # it is a pipe
        self._process.stdin.write(f"{size.steps} {size.images} {threads}\n")
        self._process.stdin.flush()

    def read_times(self) -> Times:
        times: Times = self.read_json()
        return times

    def read_json(self) -> Any:
        return json.loads(self._read_line())

    def wait_until_ready(self) -> None:
        while self._read_line() != "ready\n":
            pass

    def _read_line(self) -> str:
        assert self._process.stdout is not None  # it is a pipe
        line = self._process.stdout.readline()
        if not line:
            self._stderr.seek(0)
            last = last_stderr_line(self._stderr.read()) or "none"
            raise RuntimeError(
                f"A loop of the benchmark ended with exit code {self._process.wait()}. Last line of stderr: {last}"
            )
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._stderr.close()


@contextmanager
def start_loops(file: Path, cores: int) -> Iterator[tuple[LoopProcess, list[LoopProcess]]]:
    """The published loop, and one of ours for each core, all ready."""
    with ExitStack() as stack:
        processes = [LoopProcess(loop, file) for loop in ("published", *["ours"] * cores)]
        for process in processes:
            stack.callback(process.close)
        for process in processes:
            process.wait_until_ready()
        yield processes[0], processes[1:]


def project_epoch(times: Times, size: Size) -> float:
    """Seconds of a whole epoch."""
    return times["training"] * STEPS / size.steps + times["evaluation"] * TEST_IMAGES / size.images


def measure_epochs(file: Path, size: Size, cores: int, queues: Sequence[int] = (2, 4)) -> EpochTimes:
    """Measure the recipe in `file`, a notebook or a Python file."""
    epochs = EpochTimes(queues={count: [] for count in queues})
    with start_loops(file, cores) as (published, ours):
        for _ in range(size.rounds):
            published.start_round(size)
            epochs.published.append(project_epoch(published.read_times(), size))
            ours[0].start_round(size, threads=cores)
            epochs.ours.append(project_epoch(ours[0].read_times(), size))
            ours[0].start_round(size)
            times = ours[0].read_times()
            epochs.on_one_core.append(project_epoch(times, size))
            for part, share in times["shares"].items():
                epochs.shares.setdefault(part, []).append(share)
            for count in queues:
                epochs.queues[count].append(_measure_queue(ours, count, size))
    return epochs


def _measure_queue(ours: list[LoopProcess], count: int, size: Size) -> float:
    """Projected seconds until each of `count` submissions has had an epoch, with one on each core at a time."""
    seconds, waiting = 0.0, count
    while waiting:
        running = ours[: min(waiting, len(ours))]
        for process in running:
            process.start_round(size)
        seconds += max(project_epoch(process.read_times(), size) for process in running)
        waiting -= len(running)
    return seconds


def profile_kernels(file: Path) -> list[tuple[str, float]]:
    """The kernels that take the most time of our training step, each with its fraction of all kernels' time."""
    process = LoopProcess("kernels", file)
    try:
        return [(kernel, share) for kernel, share in process.read_json()]
    finally:
        process.close()
