"""A warm sandbox: one process that has everything imported, and a fresh locked child of it for each request.

The warm process (`zygote`) sits behind the outer wall and never sees a byte of a submission: each request's pipes
are handed to it as file descriptors, for the child alone, and the supervisor here keeps clock and tally as ever.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from autograder.sandbox.limits import STANDARD, ChildSettings, Limits, SandboxResult, Tier
from autograder.sandbox.namespaces import command, environment, readable_paths
from autograder.sandbox.supervisor import GRACE, LockdownNotice, last_stderr_line, run, supervise
from course.errors import GraderError

WARM_UP = 120.0  # seconds to import torch on a slow disk
READY, KILL = b"ready", b"kill"  # what the warm process says once it is, and what it is told
_NOTICE = 3  # the descriptor that a child finds its notice at, after stdin, stdout and stderr


class ForkServer:
    """Runs `module.main()` in a fresh locked process for each request, without importing the module each time.

    `main` calls `lockdown()`, then reads stdin and writes stdout; `python -m module` must do the same. Use it
    as a context manager, and from one thread at a time.
    """

    def __init__(self, module: str, *, tier: Tier, readable: Sequence[Path] = ()):
        self._module, self._tier, self._readable = module, tier, readable
        self._warm: ForkServerProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the warm process. A further request would start another."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None

    def run(
        self, stdin: bytes = b"", *, limits: Limits = STANDARD, on_output: Callable[[bytes], None] | None = None
    ) -> SandboxResult:
        """One request, as `sandbox.run` does it. Raises GraderError as that does, and when the warm process dies.

        After an error, or when the warm process has died idle, a new one is started.
        """
        options = {"limits": limits, "stdin": stdin, "on_output": on_output}
        if self._tier is Tier.NONE:  # no fork: macOS forbids it to a process that has used the system's libraries
            return run(["-m", self._module], tier=self._tier, readable=self._readable, **options)
        try:
            if self._warm is not None and not self._warm.is_alive():
                self.close()
            if self._warm is None:
                self._warm = ForkServerProcess(self._module, self._tier, self._readable)
            with LockdownNotice() as notice:
                finished = supervise(self._warm.fork(limits, notice), **options)
                notice.check(finished)
            return finished
        except BaseException:
            self.close()
            raise


class ForkServerProcess:
    """A warm process, and the socket on which it takes requests. Raises GraderError when it does not start.

    One child at a time: `fork` another when the one before has been waited for.
    """

    def __init__(self, module: str, tier: Tier, readable: Sequence[Path]):
        self._tier, self._paths = tier, readable_paths(readable)
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = ["-m", "autograder.sandbox.fork_server_process", module, str(theirs.fileno())]
        with theirs:
            starting = _starter(os.getpid()).submit(
                subprocess.Popen,
                command(tier, argv, self._paths),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                env=environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
            self._process = starting.result()
        if self.receive(WARM_UP) != READY:
            line = last_stderr_line(self.close()) or "none"
            raise GraderError(f"The fork server process did not start. Last line of stderr: {line}")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, limits: Limits, notice: LockdownNotice | None = None) -> ForkedChild:
        """A fresh child, with pipes of its own; one that is to lock itself is given a `notice`."""
        orders = ChildSettings(self._tier, limits, _NOTICE, tuple(map(str, self._paths)))
        child = ForkedChild(self)
        descriptors = [*child.theirs, notice.writing] if notice else child.theirs
        with contextlib.suppress(BrokenPipeError):  # `child.wait` finds out and says so
            socket.send_fds(self.control, [orders.to_json().encode()], descriptors)
        if notice:
            notice.close_writing_end()
        for descriptor in child.theirs:
            os.close(descriptor)
        return child

    def receive(self, seconds: float) -> bytes | None:
        """The next message; empty when the process is gone, None when nothing came in time."""
        ready, _, _ = select.select([self.control], [], [], seconds)
        try:
            return self.control.recv(64) if ready else None
        except ConnectionResetError:  # it went with a message of ours unread
            return b""

    def close(self) -> bytes:
        """End the process; what it printed to stderr."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(GRACE)
        with self.control, self._words as words:
            words.seek(0)
            return words.read()


class ForkedChild:
    """A child of the warm process; all it has in common with us are its pipes."""

    def __init__(self, warm: ForkServerProcess):
        self._warm = warm
        (stdin, ours_in), (ours_out, stdout), (ours_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        self.theirs = (stdin, stdout, stderr)
        self.stdin = os.fdopen(ours_in, "wb", buffering=0)
        self.stdout = os.fdopen(ours_out, "rb", buffering=0)
        self.stderr = os.fdopen(ours_err, "rb", buffering=0)
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            with contextlib.suppress(BrokenPipeError):  # the warm process has gone, and it with it
                self._warm.control.send(KILL)

    def wait(self, seconds: float) -> int | None:
        if self._code is None:
            message = self._warm.receive(seconds)
            if message == b"":
                raise GraderError("The warm sandbox process died, so the submission's process died with it.")
            if message is not None:
                (self._code,) = struct.unpack("=i", message)
        return self._code


@functools.cache
def _starter(pid: int) -> ThreadPoolExecutor:
    """This process's thread that starts warm ones: bubblewrap ends with the thread that started it."""
    return ThreadPoolExecutor(1, thread_name_prefix="sandbox")
