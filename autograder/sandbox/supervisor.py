"""The supervisor starts a process in the sandbox, enforces its limits of time and output, and ends it."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Literal, Protocol, Self

from autograder.sandbox.limits import STANDARD, ChildSettings, Ending, Limits, SandboxResult, Tier
from autograder.sandbox.lockdown import LOCKED_MESSAGE, OUT_OF_MEMORY, SETTINGS_VARIABLE
from autograder.sandbox.namespaces import command, environment, paths_for_landlock, readable_paths
from course.errors import GraderError

KILL_TIMEOUT = 5.0  # seconds for a killed process to disappear
CHUNK = 65536  # bytes

OutputCallback = Callable[[bytes], None]


class ChildProcess(Protocol):
    """A process in the sandbox, as the supervisor sees it."""

    @property
    def stdin(self) -> IO[bytes]: ...
    @property
    def stdout(self) -> IO[bytes]: ...
    @property
    def stderr(self) -> IO[bytes]: ...

    def kill(self) -> None:
        """End it and all it started; no error when it has ended already."""

    def wait(self, seconds: float) -> int | None:
        """Its return code (minus the signal's number after a signal), or None if it still runs after `seconds`."""


def run(
    argv: Sequence[str],
    *,
    tier: Tier,
    limits: Limits = STANDARD,
    stdin: bytes = b"",
    readable: Sequence[Path] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
    on_output: OutputCallback | None = None,
) -> SandboxResult:
    """Run this Python interpreter with `argv` in the sandbox until it ends.

    The code that `argv` names must call `lockdown()`. `readable` are further paths that it may read, `variables`
    belong to its environment; `on_output` is called with each piece of stdout. Raises GraderError when the process
    ended before it was locked: that is the grader's fault, not the student's.
    """
    paths = readable_paths(readable)
    notice = LockdownNotice()
    # bubblewrap ends its child itself, and the child sees other process ids
    parent = None if tier is Tier.BUBBLEWRAP else os.getpid()
    kept, listed = paths_for_landlock(paths)
    settings = ChildSettings(
        tier, limits, notice.write_fd, tuple(map(str, kept)), parent, listable=tuple(map(str, listed))
    )
    with notice:
        env = environment() | dict(variables) | {SETTINGS_VARIABLE: settings.to_json()}
        child = SpawnedChild(command(tier, argv, paths), tier, env, notice.write_fd)
        notice.close_writing_end()
        result = supervise(child, limits, stdin, on_output)
        notice.check(result)
    return result


def supervise(child: ChildProcess, limits: Limits, stdin: bytes, on_output: OutputCallback | None) -> SandboxResult:
    """Feed a process and read its output until it ends or exceeds a limit; it is always gone afterwards."""
    started = time.monotonic()
    deadline = started + limits.seconds
    ended: Ending | None
    with child.stdin, child.stdout, child.stderr:
        try:
            stdout, stderr, ended = _communicate(child, limits.output, stdin, deadline, on_output)
            code = None if ended else child.wait(max(0.0, deadline - time.monotonic()))
            ended = ended or ("timeout" if code is None else None)
        finally:
            child.kill()
            code_after_kill = child.wait(KILL_TIMEOUT)
    if code_after_kill is None:
        raise GraderError(f"A process in the sandbox still runs {KILL_TIMEOUT:.0f} seconds after it was killed.")
    code = code_after_kill if code is None else code
    return SandboxResult(code, stdout, stderr, ended or _ending(code), time.monotonic() - started)


def _communicate(
    child: ChildProcess, max_output: int, data: bytes, deadline: float, on_output: OutputCallback | None
) -> tuple[bytes, bytes, Literal["output", "timeout"] | None]:
    """Write stdin, read stdout and stderr until both end; the third value is the limit that was exceeded, if any."""
    stdout, stderr = bytearray(), bytearray()
    remaining = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, stdout)
        selector.register(child.stderr, selectors.EVENT_READ, stderr)
        selector.register(child.stdin, selectors.EVENT_WRITE)
        open_outputs = 2
        while open_outputs:
            for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                if key.fileobj is child.stdin:
                    remaining = _write(child.stdin, remaining)
                    if not remaining:
                        selector.unregister(child.stdin)
                        child.stdin.close()
                    continue
                chunk = os.read(key.fd, CHUNK)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
                    open_outputs -= 1
                elif on_output is not None and key.fileobj is child.stdout:
                    on_output(chunk)
            if len(stdout) + len(stderr) > max_output:
                return bytes(stdout[:max_output]), bytes(stderr[:max_output]), "output"
            if time.monotonic() >= deadline:
                return bytes(stdout), bytes(stderr), "timeout"
    return bytes(stdout), bytes(stderr), None


def _write(pipe: IO[bytes], data: memoryview) -> memoryview:
    """Write as much as a ready pipe is sure to take and return the rest; nothing remains once the reader closed it."""
    try:
        return data[os.write(pipe.fileno(), data[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return data[:0]


def _ending(code: int) -> Ending:
    """What a return code means for a process that the supervisor did not kill."""
    if code in (OUT_OF_MEMORY, -signal.SIGKILL):  # the kernel's out-of-memory killer sends SIGKILL
        return "memory"
    if code == -signal.SIGXCPU:
        return "timeout"
    return "killed" if code < 0 else "exit"


class SpawnedChild:
    """A child process that was started as a program of its own."""

    def __init__(self, argv: Sequence[str], tier: Tier, env: dict[str, str], inherited_fd: int):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=env,
            pass_fds=[inherited_fd],
            start_new_session=True,
        )
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin and stdout and stderr  # all three were asked for as pipes
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._adds_128 = tier is Tier.BUBBLEWRAP  # it reports signal 9 as exit code 137

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # a process group outlives its leader while it has members
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> int | None:
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return 128 - code if self._adds_128 and 128 < code <= 128 + signal.NSIG else code


def last_stderr_line(stderr: bytes) -> str:
    """The last line that is not blank, at most 500 characters of it: in a traceback, what went wrong. Empty if none."""
    lines = stderr[-4000:].decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""


class LockdownNotice:
    """A pipe on which a process reports that it is locked. What goes wrong before that is the grader's fault."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_writing_end()
        os.close(self.read_fd)

    def close_writing_end(self) -> None:
        """Call it once the child has its own copy of the writing end."""
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def check(self, result: SandboxResult) -> None:
        """Raise GraderError unless the process, which has ended, had reported that it was locked."""
        os.set_blocking(self.read_fd, False)
        try:
            locked = os.read(self.read_fd, len(LOCKED_MESSAGE)) == LOCKED_MESSAGE
        except BlockingIOError:  # another process holds the writing end and has written nothing
            locked = False
        if not locked:
            raise GraderError(
                f"A sandbox process ended before it was locked ({result.ended}, exit code {result.returncode}, after "
                f"{result.seconds:.1f} s), so no submission was run. "
                f"Last line of stderr: {last_stderr_line(result.stderr) or 'none'}"
            )
