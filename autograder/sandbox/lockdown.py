"""The inner layer of isolation: what a process irrevocably does to itself before it touches a student's code."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import struct
import sys
from collections.abc import Callable
from types import TracebackType

from autograder.sandbox.limits import ChildSettings, Limits, Tier
from autograder.sandbox.syscalls import install_filter
from course.errors import GraderError, is_out_of_memory

SETTINGS_VARIABLE = "AUTOGRADER_SANDBOX"  # the environment variable that holds the ChildSettings
LOCKED_MESSAGE = b"locked"
OUT_OF_MEMORY = 112  # exit code of a locked process that ran out of memory

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

# Landlock's access rights to files; which of them exist depends on its version
READ_FILE, READ_DIR, WRITE_FILE, TRUNCATE, MAKE_SOCKET = 1 << 2, 1 << 3, 1 << 1, 1 << 14, 1 << 9
ALL_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
ALWAYS_ALLOWED = {"/dev/null": READ_FILE | WRITE_FILE | TRUNCATE} | dict.fromkeys(
    ("/dev/zero", "/dev/urandom", "/proc/cpuinfo"), READ_FILE
)


def lockdown() -> None:
    """Lock this process down as its supervisor asked. It cannot be undone.

    Call it once, with everything imported and no other thread running. Raises GraderError when the process was not
    started by the sandbox, or when any part of the lockdown fails.
    """
    if SETTINGS_VARIABLE not in os.environ:
        raise GraderError("This process was not started by the sandbox, so it must not run a submission.")
    settings = ChildSettings.from_json(os.environ.pop(SETTINGS_VARIABLE))
    if settings.tier is not Tier.NONE:
        _lock(settings)
        sys.excepthook = _exit_when_out_of_memory
    os.write(settings.notice_fd, LOCKED_MESSAGE)
    os.close(settings.notice_fd)


def _exit_when_out_of_memory(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """An excepthook that gives such an exception an exit code of its own."""
    sys.__excepthook__(kind, error, traceback)
    if is_out_of_memory(error):
        sys.stdout.flush()
        os._exit(OUT_OF_MEMORY)


def _lock(settings: ChildSettings) -> None:
    libc = _libc_of_single_thread()
    _set_limits(settings.limits, settings.tier)
    _drop_capabilities(libc)
    _call(libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if settings.parent not in (None, os.getppid()):
        os._exit(1)  # the parent died before the kernel was told to end this process with it
    _give_up_privileges(libc)
    listable = dict.fromkeys(settings.listable, READ_DIR)
    _restrict_files(libc, listable | dict.fromkeys(settings.readable, READ_FILE | READ_DIR))
    install_filter(libc, threads=settings.limits.threads > 1)


def lockdown_notebook_kernel(limits: Limits, *, scratch: str, sockets: str, file_size: int) -> None:
    """Lock down a notebook's kernel: a process inside bubblewrap that keeps its threads and its sockets.

    It reads whatever bubblewrap shows. It writes files of at most `file_size` bytes in the folder `scratch`, and
    creates its own sockets, but no files, in the folder `sockets`. Raises GraderError when any part of it fails.
    """
    libc = _libc_of_single_thread()
    _set_limits(limits, Tier.BUBBLEWRAP, file_size)
    _drop_capabilities(libc)
    _give_up_privileges(libc)
    everything = ALL_RIGHTS[max(ALL_RIGHTS)]
    read = READ_FILE | READ_DIR
    _restrict_files(libc, {"/": read, scratch: everything, sockets: read | MAKE_SOCKET})
    install_filter(libc, threads=True, sockets=True)


def _libc_of_single_thread() -> ctypes.CDLL:
    """The C library. Raises GraderError when there are other threads: Landlock restricts the calling thread only."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise GraderError(f"The process has {threads} threads; only a process with a single thread can be locked.")
    return ctypes.CDLL(None, use_errno=True)


def _give_up_privileges(libc: ctypes.CDLL) -> None:
    _call(libc.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)  # no core file, and no debugger
    _call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _call(function: Callable[..., int], *arguments: int | bytes | None) -> int:
    """Call a function of the C library. Raises GraderError when it fails."""
    result = function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        reason = os.strerror(ctypes.get_errno())
        raise GraderError(
            f"The sandbox cannot lock this process: {function.__name__}{arguments[:2]} failed with '{reason}'."
        )
    return result


def _set_limits(limits: Limits, tier: Tier, file_size: int = 0) -> None:
    import resource  # does not exist on Windows, where this module can be imported too

    cpu = math.ceil(limits.seconds * limits.threads) + 5  # the supervisor's clock comes first, unless it is gone
    wanted = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_CORE: 0,
    }
    if tier is Tier.BUBBLEWRAP:  # elsewhere it counts every process of this user
        wanted[resource.RLIMIT_NPROC] = limits.threads + 2  # two more: bubblewrap's own and the fork server's
    for kind, limit in wanted.items():
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = struct.pack("=Ii", 0x20080522, 0)  # version 3, this thread
    _call(libc.capset, header, bytes(24))


def _restrict_files(libc: ctypes.CDLL, rules: dict[str, int]) -> None:
    """Let Landlock refuse everything but `rules` and `ALWAYS_ALLOWED`: path -> rights on everything below it."""
    version = _call(libc.syscall, LANDLOCK_CREATE_RULESET, None, 0, 1)
    handled = ALL_RIGHTS[min(version, 5)]
    network = 0b11 if version >= 4 else 0  # bind and connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets and signals
    attributes = struct.pack("=QQQ", handled, network, scopes)
    ruleset = _call(libc.syscall, LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    for path, rights in (rules | ALWAYS_ALLOWED).items():
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not os.path.isdir(path):
            rights &= ~READ_DIR
        _call(libc.syscall, LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights & handled, descriptor), 0)
        os.close(descriptor)
    _call(libc.syscall, LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
