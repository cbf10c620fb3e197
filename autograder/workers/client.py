"""The supervisor's end of the workers: start them, exchange messages, notice when they die, end them all."""

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
from typing import IO, Self

from autograder import sandbox
from autograder.workers.messages import MAX_LINE, Message
from course.errors import GraderError
from course.training.hardware import DEFAULT_THREADS

RESPONSE_TIMEOUT = 900.0  # seconds without a message after which a worker is given up
EXIT_TIMEOUT = 10.0  # seconds for a worker that has closed its pipes to end
STDERR_LINE = 4000  # bytes; longer lines are read in pieces
NO_GPU = sandbox.GPUAccess()


class WorkerPool:
    """Starts trainers and scorers. A context manager, to be used by one thread at a time.

    `warm` forks them from one process of each kind that has PyTorch loaded, which pays off for many runs.
    """

    def __init__(self, *, warm: bool = False):
        self._is_warm = warm
        self._servers: dict[tuple[str, ...], sandbox.ForkServerProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._servers:
            self._servers.popitem()[1].close()

    def start(
        self,
        name: str,
        *,
        sandboxed: bool,
        threads: int = DEFAULT_THREADS,
        readable: Sequence[Path] = (),
        gpu: sandbox.GPUAccess = NO_GPU,
    ) -> Worker:
        """Start `autograder.workers.<name>`. If `sandboxed`, it sees only Python, ours, `readable` and `gpu`."""
        if self._is_warm and sandboxed and threads == DEFAULT_THREADS:
            return Worker(name, self._fork(name, readable, gpu))
        return Worker(name, _SpawnedWorker(name, sandboxed, threads, readable, gpu))

    def _fork(self, name: str, readable: Sequence[Path], gpu: sandbox.GPUAccess) -> sandbox.ChildProcess:
        key = (name, *map(str, readable), *map(str, gpu.nodes))
        server = self._servers.get(key)
        if server is not None and not server.is_alive():
            self._servers.pop(key).close()
            server = None
        if server is None:
            module = f"autograder.workers.{name}"
            server = sandbox.ForkServerProcess(
                module,
                sandbox.Tier.BUBBLEWRAP,
                [*readable, *gpu.libraries],
                dict(gpu.variables),
                gpu.nodes,
            )
            self._servers[key] = server
        return server.fork(sandbox.Limits())


class _SpawnedWorker:
    """A worker that was started as a program of its own; a `sandbox.ChildProcess`."""

    def __init__(self, name: str, sandboxed: bool, threads: int, readable: Sequence[Path], gpu: sandbox.GPUAccess):
        command, variables = [sys.executable, "-m", f"autograder.workers.{name}"], dict(os.environ)
        if sandboxed:
            readable = sandbox.readable_paths([*readable, *gpu.libraries])
            command = sandbox.bubblewrap(command, readable, devices=gpu.nodes)
            variables = sandbox.environment() | dict(gpu.variables)
        thread_counts = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables | thread_counts,
        )
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin and stdout and stderr  # all three were asked for as pipes
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr

    def kill(self) -> None:
        self._process.kill()

    def wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None


class Worker:
    """A process that exchanges messages with the supervisor. A context manager: the process is gone afterwards."""

    def __init__(self, name: str, process: sandbox.ChildProcess):
        self.name = name
        self._process = process
        self._stderr_lines: deque[bytes] = deque(maxlen=64)
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=64)
        self._stdout_reader = threading.Thread(target=self._read_stdout, daemon=True)
        self._stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._stdout_reader.start()
        self._stderr_reader.start()

    def _read_stdout(self) -> None:
        with contextlib.closing(_buffered(self._process.stdout)) as stdout:
            while line := stdout.readline(MAX_LINE):
                self._lines.put(line)
        self._lines.put(b"")

    def _read_stderr(self) -> None:
        """Keep the pipe from filling up, and the last lines for an error message."""
        with contextlib.closing(_buffered(self._process.stderr)) as stderr:
            while line := stderr.readline(STDERR_LINE):
                self._stderr_lines.append(line)

    def send(self, message: Message) -> None:
        """Raises GraderError when the worker is gone."""
        try:
            _write(self._process.stdin, message.line())
        except OSError:
            raise self._died() from None

    def receive(self) -> bytes:
        """The next line; empty when the worker has ended as it should. Raises GraderError when it died or hangs."""
        try:
            line = self._lines.get(timeout=RESPONSE_TIMEOUT)
        except queue.Empty:
            raise GraderError(
                f"The {self.name} sent no message for {RESPONSE_TIMEOUT:.0f} seconds and was given up."
            ) from None
        if not line and self._process.wait(RESPONSE_TIMEOUT) != 0:
            raise self._died()
        return line

    def _died(self) -> GraderError:
        code = self._process.wait(EXIT_TIMEOUT)
        self._stderr_reader.join(EXIT_TIMEOUT)
        line = sandbox.last_stderr_line(b"".join(self._stderr_lines)) or "none"
        return GraderError(f"The {self.name} died (exit code {code}). Last line of stderr: {line}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.kill()
        with contextlib.suppress(GraderError):  # the server that it was forked from died, and it with the server
            self._process.wait(RESPONSE_TIMEOUT)
        # a reader may wait for room in the queue: empty it, so that both can end
        while self._stdout_reader.is_alive() or self._stderr_reader.is_alive():
            with contextlib.suppress(queue.Empty):
                self._lines.get(timeout=0.05)


def _buffered(stream: IO[bytes]) -> IO[bytes]:
    """The same stream, read in blocks: without a buffer, lines of 0.5 MB are read byte by byte."""
    return io.BufferedReader(stream) if isinstance(stream, io.RawIOBase) else stream


def _write(stream: IO[bytes], data: bytes) -> None:
    """Write all of `data`: a stream without a buffer may take less at a time."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[stream.write(remaining) :]
    stream.flush()
