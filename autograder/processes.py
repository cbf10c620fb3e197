"""The supervisor's side of the worker processes: start them, talk in lines, notice their death, leave none behind."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from autograder import sandbox
from autograder.messages import MAX_LINE, Message
from course.errors import GraderError

SILENCE = 900.0  # seconds without a word after which a worker is given up


class Worker:
    """`python -m autograder.workers.<name>`, spoken to line by line. A context manager: it is gone afterwards.

    Behind the wall (bubblewrap) it sees, besides Python and this package, the paths `readable` and `writable` alone.
    """

    def __init__(
        self, name: str, *, walled: bool, threads: int = 1, readable: Sequence[Path] = (), writable: Sequence[Path] = ()
    ):
        self.name = name
        command = [sys.executable, "-m", f"autograder.workers.{name}"]
        counts = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - stderr, for the message when it dies; closed on exit
        self._process = subprocess.Popen(
            sandbox.bubblewrap(command, sandbox.readable_paths(readable), writable) if walled else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=(sandbox.environment() if walled else dict(os.environ)) | counts,
        )
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=64)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while line := self._process.stdout.readline(MAX_LINE):
            self._lines.put(line)
        self._lines.put(b"")

    def say(self, message: Message) -> None:
        """Raises GraderError when the worker is gone."""
        try:
            self._process.stdin.write(message.line())
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None

    def hear(self) -> bytes:
        """The next line; empty when the worker has ended well. Raises GraderError when it died or fell silent."""
        try:
            line = self._lines.get(timeout=SILENCE)
        except queue.Empty:
            raise GraderError(f"The {self.name} said nothing for {SILENCE:.0f} seconds and was given up.") from None
        if not line and self._process.wait(timeout=SILENCE) != 0:
            raise self._died()
        return line

    def _died(self) -> GraderError:
        code = self._process.wait(timeout=10)
        self._said.seek(0)
        words = self._said.read()[-4000:].decode(errors="replace").strip().splitlines()
        return GraderError(
            f"The {self.name} died (exit code {code}): {words[-1][:300] if words else 'it said nothing'}."
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        # empty the queue so that the reader, if it waits for room, can end
        while self._reader.is_alive():
            try:
                self._lines.get(timeout=0.05)
            except queue.Empty:
                continue
        self._process.stdin.close()
        self._process.stdout.close()
        self._said.close()
