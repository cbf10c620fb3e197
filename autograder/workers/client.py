"""The supervisor's side of the worker processes: start them, talk in lines, notice their death, leave none behind."""

from __future__ import annotations

import contextlib
import io
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from autograder import sandbox
from autograder.workers.messages import MAX_LINE, Message
from course.errors import GraderError
from course.training.devices import DEFAULT_THREADS

SILENCE = 900.0  # seconds without a word after which a worker is given up
LAST_WORDS = 4000  # bytes of stderr, for the message when it dies


class WorkerPool(contextlib.AbstractContextManager):
    """Starts trainers and scorers. `warm` keeps one process of each with PyTorch loaded and forks it: for many runs.

    To be used by one thread at a time.
    """

    def __init__(self, *, warm: bool = False):
        self._keep_warm = warm
        self._warm: dict[tuple[str, ...], sandbox.ForkServerProcess] = {}

    def __exit__(self, *_) -> None:
        while self._warm:
            self._warm.popitem()[1].close()

    def start(
        self, name: str, *, sandboxed: bool, threads: int = DEFAULT_THREADS, readable: Sequence[Path] = ()
    ) -> Worker:
        """`autograder.workers.<name>`; behind the wall it sees Python, this package and the paths `readable` alone."""
        if self._keep_warm and sandboxed and threads == DEFAULT_THREADS:
            return Worker(name, self._forked(name, readable))
        return Worker(name, _Started(name, sandboxed, threads, readable))

    def _forked(self, name: str, readable: Sequence[Path]) -> sandbox.ChildProcess:
        key = (name, *map(str, readable))
        warm = self._warm.get(key)
        if warm is not None and not warm.is_alive():
            self._warm.pop(key).close()
            warm = None
        if warm is None:
            warm = self._warm[key] = sandbox.ForkServerProcess(
                f"autograder.workers.{name}", sandbox.Tier.BUBBLEWRAP, readable
            )
        return warm.fork(sandbox.Limits())


class _Started:
    """A process of its own, see `sandbox.ChildProcess`."""

    def __init__(self, name: str, sandboxed: bool, threads: int, readable: Sequence[Path]):
        command = [sys.executable, "-m", f"autograder.workers.{name}"]
        counts = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            sandbox.bubblewrap(command, sandbox.readable_paths(readable)) if sandboxed else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=(sandbox.environment() if sandboxed else dict(os.environ)) | counts,
        )
        self.stdin, self.stdout, self.stderr = self._process.stdin, self._process.stdout, self._process.stderr

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None


class Worker:
    """A process spoken to line by line. A context manager: it is gone afterwards."""

    def __init__(self, name: str, process: sandbox.ChildProcess):
        self.name = name
        self._process = process
        self._said: deque[bytes] = deque(maxlen=64)
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=64)
        self._readers = [threading.Thread(target=target, daemon=True) for target in (self._read, self._listen)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        with contextlib.closing(_buffered(self._process.stdout)) as stdout:
            while line := stdout.readline(MAX_LINE):
                self._lines.put(line)
        self._lines.put(b"")

    def _listen(self) -> None:
        """What it prints to stderr is drained, and the last of it remembered."""
        with contextlib.closing(_buffered(self._process.stderr)) as stderr:
            while line := stderr.readline(LAST_WORDS):
                self._said.append(line)

    def send(self, message: Message) -> None:
        """Raises GraderError when the worker is gone."""
        try:
            _write(self._process.stdin, message.line())
        except OSError:
            raise self._died() from None

    def receive(self) -> bytes:
        """The next line; empty when the worker has ended well. Raises GraderError when it died or fell silent."""
        try:
            line = self._lines.get(timeout=SILENCE)
        except queue.Empty:
            raise GraderError(f"The {self.name} said nothing for {SILENCE:.0f} seconds and was given up.") from None
        if not line and self._process.wait(SILENCE) != 0:
            raise self._died()
        return line

    def _died(self) -> GraderError:
        code = self._process.wait(10)
        self._readers[1].join(10)
        line = sandbox.last_stderr_line(b"".join(self._said))
        return GraderError(f"The {self.name} died (exit code {code}). Last line of stderr: {line or 'none'}")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.kill()
        with contextlib.suppress(GraderError):  # what it was forked from has died with it
            self._process.wait(SILENCE)
        # empty the queue so that the reader, if it waits for room, can end
        while any(reader.is_alive() for reader in self._readers):
            with contextlib.suppress(queue.Empty):
                self._lines.get(timeout=0.05)


def _buffered(stream: IO[bytes]) -> IO[bytes]:
    """The same stream, read in blocks: lines of 0.5 MB come byte by byte otherwise."""
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)


def _write(stream: IO[bytes], data: bytes) -> None:
    """All of it: a stream without a buffer may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()
