"""A fork server: one process that has imported everything, and a fresh locked child of it for each request.

The server process (`fork_server_process`) runs in its own namespaces (`Tier.BUBBLEWRAP`) and never sees a byte of a
submission: each request's pipes are passed to it as file descriptors, for the child alone. The supervisor here
enforces the limits of time and output, as it does for a process that it starts itself.
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
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Self

from autograder.sandbox.limits import STANDARD, ChildSettings, Limits, SandboxResult, Tier
from autograder.sandbox.namespaces import command, environment, paths_for_landlock, readable_paths
from autograder.sandbox.supervisor import (
    KILL_TIMEOUT,
    LockdownNotice,
    OutputCallback,
    last_stderr_line,
    run,
    supervise,
)
from course.errors import GraderError

START_TIMEOUT = 120.0  # seconds; importing torch from a slow disk takes long
READY, KILL = b"ready", b"kill"  # the first message of the server process, and the supervisor's only command
_NOTICE_FD = 3  # the descriptor of a child's LockdownNotice, after stdin, stdout and stderr


class ForkServer:
    """Runs `module.main()` in a fresh locked process for each request, without importing the module each time.

    `main` calls `lockdown()`, then reads stdin and writes stdout; `python -m module` must do the same. Use it
    as a context manager, and from one thread at a time.
    """

    def __init__(
        self,
        module: str,
        *,
        tier: Tier,
        readable: Sequence[Path] = (),
        variables: Mapping[str, str] = MappingProxyType({}),
    ):
        self._module, self._tier, self._readable, self._variables = module, tier, readable, variables
        self._process: ForkServerProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server process. A further request would start another."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def run(
        self, stdin: bytes = b"", *, limits: Limits = STANDARD, on_output: OutputCallback | None = None
    ) -> SandboxResult:
        """Handle one request, as `sandbox.run` does. Raises GraderError as that does, and when the server dies.

        After an error, or when the server process has died between requests, a new one is started.
        """
        if self._tier is Tier.NONE:  # no fork: macOS forbids it to a process that has used the system's libraries
            return run(
                ["-m", self._module],
                tier=self._tier,
                readable=self._readable,
                variables=self._variables,
                limits=limits,
                stdin=stdin,
                on_output=on_output,
            )
        try:
            if self._process is not None and not self._process.is_alive():
                self.close()
            if self._process is None:
                self._process = ForkServerProcess(self._module, self._tier, self._readable, self._variables)
            with LockdownNotice() as notice:
                result = supervise(self._process.fork(limits, notice), limits, stdin, on_output)
                notice.check(result)
            return result
        except BaseException:
            self.close()
            raise


class ForkServerProcess:
    """A server process and the socket on which it takes requests. Raises GraderError when it does not start.

    It has one child at a time: `fork` another when the previous one has been waited for.
    """

    def __init__(
        self,
        module: str,
        tier: Tier,
        readable: Sequence[Path],
        variables: Mapping[str, str] = MappingProxyType({}),
        devices: Sequence[Path] = (),
    ):
        self._tier, paths = tier, readable_paths(readable)
        self._kept, self._listed = (tuple(map(str, part)) for part in paths_for_landlock(paths))
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.control, server_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = ["-m", "autograder.sandbox.fork_server_process", module, str(server_end.fileno())]
        with server_end:
            starting = _starter_thread(os.getpid()).submit(
                subprocess.Popen,
                command(tier, argv, paths, devices),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=environment() | dict(variables),
                pass_fds=[server_end.fileno()],
                start_new_session=True,
            )
            self._process = starting.result()
        if self.receive(START_TIMEOUT) != READY:
            line = last_stderr_line(self.close()) or "none"
            raise GraderError(f"The fork server process did not start. Last line of stderr: {line}")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, limits: Limits, notice: LockdownNotice | None = None) -> ForkedChild:
        """A fresh child with pipes of its own; one that calls `lockdown()` needs a `notice`."""
        settings = ChildSettings(self._tier, limits, _NOTICE_FD, self._kept, listable=self._listed)
        child = ForkedChild(self)
        descriptors = [*child.child_ends, notice.write_fd] if notice else list(child.child_ends)
        with contextlib.suppress(BrokenPipeError):  # `child.wait` notices it and raises
            socket.send_fds(self.control, [settings.to_json().encode()], descriptors)
        if notice:
            notice.close_writing_end()
        for descriptor in child.child_ends:
            os.close(descriptor)
        return child

    def receive(self, seconds: float) -> bytes | None:
        """The next message; empty when the process is gone, None when nothing came within `seconds`."""
        ready, _, _ = select.select([self.control], [], [], seconds)
        try:
            return self.control.recv(64) if ready else None
        except ConnectionResetError:  # it ended before it had read a message of ours
            return b""

    def close(self) -> bytes:
        """End the process and return what it printed to stderr."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(KILL_TIMEOUT)
        with self.control, self._stderr as stderr:
            stderr.seek(0)
            return stderr.read()


class ForkedChild:
    """A child of the server process, connected to the supervisor by its three pipes only."""

    def __init__(self, server: ForkServerProcess):
        self._server = server
        stdin_read, stdin_write = os.pipe()
        stdout_read, stdout_write = os.pipe()
        stderr_read, stderr_write = os.pipe()
        self.child_ends = (stdin_read, stdout_write, stderr_write)
        self.stdin = os.fdopen(stdin_write, "wb", buffering=0)
        self.stdout = os.fdopen(stdout_read, "rb", buffering=0)
        self.stderr = os.fdopen(stderr_read, "rb", buffering=0)
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            with contextlib.suppress(BrokenPipeError):  # the server process is gone, and the child died with it
                self._server.control.send(KILL)

    def wait(self, seconds: float) -> int | None:
        """Its return code, or None if it still runs after `seconds`. Raises GraderError when the server died."""
        if self._code is None:
            message = self._server.receive(seconds)
            if message == b"":
                raise GraderError("The fork server process died, so the submission's process died with it.")
            if message is not None:
                (self._code,) = struct.unpack("=i", message)
        return self._code


@functools.cache
def _starter_thread(pid: int) -> ThreadPoolExecutor:
    """The thread of process `pid` that starts servers: bubblewrap ends when the thread that started it ends."""
    return ThreadPoolExecutor(1, thread_name_prefix="sandbox")
