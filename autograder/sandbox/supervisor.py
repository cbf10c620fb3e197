"""The supervisor: it starts a process in the sandbox, keeps its clock and its tally, and ends it."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Protocol, Self

from autograder.sandbox.limits import STANDARD, ChildSettings, Limits, SandboxResult, Tier
from autograder.sandbox.lockdown import LOCKED, OUT_OF_MEMORY, SETTINGS_VARIABLE
from autograder.sandbox.namespaces import command, environment, readable_paths
from course.errors import GraderError

GRACE = 5.0  # seconds for a killed process to be gone
CHUNK = 65536


class ChildProcess(Protocol):
    """A process in the sandbox, as the supervisor sees it."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def kill(self) -> None:
        """End it and all it started; no error when it has ended."""

    def wait(self, seconds: float) -> int | None:
        """Its return code (minus the signal's number after a signal), or None if it still runs by then."""


def run(
    argv: Sequence[str],
    *,
    tier: Tier,
    limits: Limits = STANDARD,
    stdin: bytes = b"",
    readable: Sequence[Path] = (),
    on_output: Callable[[bytes], None] | None = None,
) -> SandboxResult:
    """Run this Python interpreter with `argv` in the sandbox, to its end.

    The code that `argv` names must call `lockdown()`. `readable` are further paths it may read; `on_output` is called
    with each piece of stdout. Raises GraderError when the process ended before it was locked: that is our fault.
    """
    paths = readable_paths(readable)
    notice = LockdownNotice()
    parent = None if tier is Tier.BUBBLEWRAP else os.getpid()  # bubblewrap has its own way, and its own numbers
    orders = ChildSettings(tier, limits, notice.writing, tuple(map(str, paths)), parent)
    with notice:
        env = environment() | {SETTINGS_VARIABLE: orders.to_json()}
        child = SpawnedChild(command(tier, argv, paths), tier, env, notice.writing)
        notice.close_writing_end()
        finished = supervise(child, limits, stdin, on_output)
        notice.check(finished)
    return finished


def supervise(
    child: ChildProcess, limits: Limits, stdin: bytes, on_output: Callable[[bytes], None] | None
) -> SandboxResult:
    """Feed a process and drain it until it ends or breaks a limit; whatever happens here, it is gone afterwards."""
    started = time.monotonic()
    deadline = started + limits.seconds
    with child.stdin, child.stdout, child.stderr:
        try:
            stdout, stderr, broken = _exchange(child, limits.output, stdin, deadline, on_output)
            code = None if broken else child.wait(max(0.0, deadline - time.monotonic()))
            broken = broken or ("timeout" if code is None else None)
        finally:
            child.kill()
            last = child.wait(GRACE)
    if last is None:
        raise GraderError(f"A process in the sandbox still runs {GRACE:.0f} seconds after it was killed.")
    code = last if code is None else code
    return SandboxResult(code, stdout, stderr, broken or _cause(code), time.monotonic() - started)


def _exchange(
    child: ChildProcess, most: int, data: bytes, deadline: float, on_output
) -> tuple[bytes, bytes, str | None]:
    """Write stdin, read stdout and stderr until both end; the third value is the limit that was broken, if any."""
    output = {child.stdout: bytearray(), child.stderr: bytearray()}
    rest = memoryview(data)
    broken = None
    with selectors.DefaultSelector() as waiting:
        for pipe in output:
            waiting.register(pipe, selectors.EVENT_READ)
        waiting.register(child.stdin, selectors.EVENT_WRITE)
        while not broken and any(pipe in waiting.get_map() for pipe in output):
            for key, _ in waiting.select(max(0.0, deadline - time.monotonic())):
                if key.fileobj is child.stdin:
                    rest = _write(child.stdin, rest)
                    if not rest:
                        waiting.unregister(child.stdin)
                        child.stdin.close()
                    continue
                chunk = os.read(key.fd, CHUNK)
                output[key.fileobj] += chunk
                if not chunk:
                    waiting.unregister(key.fileobj)
                elif on_output is not None and key.fileobj is child.stdout:
                    on_output(chunk)
            if sum(map(len, output.values())) > most:
                broken = "output"
            elif time.monotonic() >= deadline:
                broken = "timeout"
    stdout, stderr = (bytes(text[:most]) for text in output.values())
    return stdout, stderr, broken


def _write(pipe: IO[bytes], data: memoryview) -> memoryview:
    """Write what a ready pipe is sure to take, and return the rest: nothing, once the reader has closed it."""
    try:
        return data[os.write(pipe.fileno(), data[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return data[:0]


def _cause(code: int) -> str:
    if code in (OUT_OF_MEMORY, -signal.SIGKILL):  # we have killed nothing, so the kernel has: for want of memory
        return "memory"
    if code == -signal.SIGXCPU:
        return "timeout"
    return "killed" if code < 0 else "exit"


class SpawnedChild:
    """A child that was started as a program of its own."""

    def __init__(self, argv: Sequence[str], tier: Tier, env: dict[str, str], inherited: int):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            argv, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, env=env, pass_fds=[inherited], start_new_session=True
        )
        self.stdin, self.stdout, self.stderr = self._process.stdin, self._process.stdout, self._process.stderr
        self._shifted = tier is Tier.BUBBLEWRAP  # it reports signal 9 as exit code 137

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # a group outlives its leader while others are in it
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> int | None:
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return 128 - code if self._shifted and 128 < code <= 128 + signal.NSIG else code


def last_stderr_line(stderr: bytes) -> str:
    """The last line that is not blank, at most 500 characters of it: in a traceback, what went wrong. Empty if none."""
    lines = stderr[-4000:].decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""


class LockdownNotice:
    """A pipe by which a process reports that it is locked: what went wrong before that is our fault."""

    def __init__(self):
        self.reading, self.writing = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close_writing_end()
        os.close(self.reading)

    def close_writing_end(self) -> None:
        """The child has its own copy of the writing end: close ours."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def check(self, finished: SandboxResult) -> None:
        """Raise GraderError unless the process, which has ended, had reported."""
        os.set_blocking(self.reading, False)
        try:
            locked = os.read(self.reading, len(LOCKED)) == LOCKED
        except BlockingIOError:  # somebody holds the other end, and has not written
            locked = False
        if not locked:
            raise GraderError(
                f"The sandbox was not shut when its process ended ({finished.ended}, exit code {finished.returncode}, "
                f"after {finished.seconds:.1f} s), so no submission was run. "
                f"Last line of stderr: {last_stderr_line(finished.stderr) or 'none'}"
            )
