"""Lets nbgrader grade many hand-ins, several at a time, each process one after another."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, Self

from autograder import sandbox
from autograder.gradebook.nbgrader_process import HandInToGrade

EXIT_SECONDS = 10.0
COMMAND = (sys.executable, "-P", "-m", "autograder.gradebook.nbgrader_process")  # -P: imports nothing of the course's


@dataclass(frozen=True)
class Collected:
    """What became of one hand-in. Without a `problem` nbgrader has graded it."""

    hand_in: HandInToGrade
    problem: str = ""


class CollectDisplay(Protocol):
    """Shows what nbgrader does."""

    def collecting(self, count: int) -> None: ...

    def collected(self, result: Collected) -> None: ...


def collect(
    hand_ins: Sequence[HandInToGrade], root: Path, display: CollectDisplay, *, jobs: int = 1
) -> list[Collected]:
    """Let nbgrader grade them, `jobs` at a time. No hand-in stops the others.

    `root` is the course's folder. Ends at once on KeyboardInterrupt: nbgrader takes up what is unfinished.
    """
    display.collecting(len(hand_ins))
    waiting: queue.SimpleQueue[HandInToGrade] = queue.SimpleQueue()
    for hand_in in hand_ins:
        waiting.put(hand_in)
    results: list[Collected] = []
    lock = threading.Lock()
    processes = [NbgraderProcess(root) for _ in range(min(jobs, len(hand_ins)))]

    def work(process: NbgraderProcess) -> None:
        with contextlib.suppress(queue.Empty):
            while not process.is_closed:
                hand_in = waiting.get_nowait()
                result = Collected(hand_in, process.autograde(hand_in))
                with lock:
                    if not process.is_closed:
                        results.append(result)
                        display.collected(result)

    with contextlib.ExitStack() as resources:
        pool = resources.enter_context(ThreadPoolExecutor(len(processes)))
        for process in processes:
            resources.enter_context(process)  # closed before the pool waits for its threads
        for future in as_completed([pool.submit(work, process) for process in processes]):
            future.result()
    return results


class NbgraderProcess:
    """A process that runs nbgrader, started when it is first asked, and again when it has died. A context manager."""

    def __init__(self, root: Path):
        self._root = root
        self._process: subprocess.Popen[str] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        self._lock = threading.Lock()
        self.is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, whatever it is at."""
        with self._lock:
            self.is_closed = True
            self._end()
            self._stderr.close()

    def autograde(self, hand_in: HandInToGrade) -> str:
        """What went wrong; empty if nothing did."""
        try:
            process = self._started()
            assert process.stdin and process.stdout  # both were asked for
            print(json.dumps(asdict(hand_in)), file=process.stdin, flush=True)
            answer: str = json.loads(process.stdout.readline())
        except (OSError, ValueError):  # it has ended, or was ended
            with self._lock:
                return "" if self.is_closed else f"The process that runs nbgrader died. {self._last_words()}"
        return answer

    def _started(self) -> subprocess.Popen[str]:
        """Raises ValueError when this is closed."""
        with self._lock:
            if self.is_closed:
                raise ValueError("closed")
            if self._process is None:
                self._process = subprocess.Popen(
                    COMMAND,
                    cwd=self._root,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._stderr,
                    text=True,
                    start_new_session=True,  # Ctrl-C on the terminal is for us to handle
                )
            return self._process

    def _last_words(self) -> str:
        code = self._end()
        self._stderr.seek(0)
        return f"Exit code {code}, last line of stderr: {sandbox.last_stderr_line(self._stderr.read()) or 'none'}"

    def _end(self) -> int | None:
        """End it, by closing its stdin. Returns the exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(OSError), process:  # which closes the pipes and waits
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(EXIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.returncode
