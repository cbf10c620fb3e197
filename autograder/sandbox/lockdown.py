"""The inner wall: what a process does to itself, for good, before it touches a student's code."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import struct
import sys

from autograder.sandbox.limits import ChildSettings, Limits, Tier
from autograder.sandbox.syscalls import install_filter
from course.errors import GraderError, is_out_of_memory

SETTINGS_VARIABLE = "AUTOGRADER_SANDBOX"  # the environment variable that holds them
LOCKED = b"locked"
OUT_OF_MEMORY = 112  # exit code of a locked process that ran out of memory

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

# Landlock's rights on files; which of them exist depends on its version
READ_FILE, READ_DIR, WRITE_FILE, TRUNCATE, MAKE_SOCKET = 1 << 2, 1 << 3, 1 << 1, 1 << 14, 1 << 9
ALL_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
ALWAYS = {"/dev/null": READ_FILE | WRITE_FILE | TRUNCATE} | dict.fromkeys(
    ("/dev/zero", "/dev/urandom", "/proc/cpuinfo"), READ_FILE
)


def lockdown() -> None:
    """Shut this process in, as its supervisor ordered. It cannot be undone.

    Call it once, with everything imported and no thread running. Raises GraderError when the process was not
    started by the sandbox, or when any part of the lock does not shut.
    """
    if SETTINGS_VARIABLE not in os.environ:
        raise GraderError("This process was not started by the sandbox, so it must not run a submission.")
    orders = ChildSettings.from_json(os.environ.pop(SETTINGS_VARIABLE))
    if orders.tier is not Tier.NONE:
        _lock(orders)
        sys.excepthook = _last_words
    os.write(orders.notice, LOCKED)
    os.close(orders.notice)


def _last_words(kind, error, traceback) -> None:
    sys.__excepthook__(kind, error, traceback)
    if is_out_of_memory(error):
        sys.stdout.flush()
        os._exit(OUT_OF_MEMORY)


def _lock(orders: ChildSettings) -> None:
    libc = _alone()
    _set_limits(orders.limits, orders.tier)
    _drop_capabilities(libc)
    _call(libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if orders.parent not in (None, os.getppid()):
        os._exit(1)  # it died before it could take us along
    _seal(libc, dict.fromkeys(orders.readable, READ_FILE | READ_DIR))
    install_filter(libc, threads=orders.limits.threads > 1)


def lockdown_notebook_kernel(limits: Limits, *, scratch: str, sockets: str, file_size: int) -> None:
    """The lock of a notebook's kernel, for a process behind bubblewrap that has to be talked to.

    Its threads and sockets are left to it; it reads what bubblewrap shows, writes in the folder `scratch`, files of
    at most `file_size` bytes, and makes its own sockets, but no file, in the folder `sockets`. Raises GraderError.
    """
    libc = _alone()
    _set_limits(limits, Tier.BUBBLEWRAP, file_size)
    _drop_capabilities(libc)
    everything = ALL_RIGHTS[max(ALL_RIGHTS)]
    _seal(libc, {"/": READ_FILE | READ_DIR, scratch: everything, sockets: READ_FILE | READ_DIR | MAKE_SOCKET})
    install_filter(libc, threads=True, sockets=True)


def _alone() -> ctypes.CDLL:
    """The C library, once it is sure that the lock will bind all of the process: Landlock binds the calling thread."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise GraderError(f"The process has {threads} threads, and only a process with one can be locked.")
    return ctypes.CDLL(None, use_errno=True)


def _seal(libc, rules: dict[str, int]) -> None:
    _call(libc.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)  # no core file, and no debugger
    _call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _restrict_files(libc, rules)


def _call(function, *arguments) -> int:
    """Call into the C library; raise GraderError when that fails."""
    result = function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        reason = os.strerror(ctypes.get_errno())
        raise GraderError(f"The sandbox cannot be shut: {function.__name__}{arguments[:2]} failed with '{reason}'.")
    return result


def _set_limits(limits: Limits, tier: Tier, file_size: int = 0) -> None:
    import resource  # not on every system that only reads this module

    cpu = math.ceil(limits.seconds * limits.threads) + 5  # the clock comes first, unless the supervisor is gone
    wanted = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_CORE: 0,
    }
    if tier is Tier.BUBBLEWRAP:  # elsewhere it counts every process of this user
        wanted[resource.RLIMIT_NPROC] = limits.threads + 2  # bubblewrap's own, and the warm one
    for which, most in wanted.items():
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def _drop_capabilities(libc) -> None:
    header = struct.pack("=Ii", 0x20080522, 0)  # version 3, this thread
    _call(libc.capset, header, bytes(24))


def _restrict_files(libc, rules: dict[str, int]) -> None:
    """Landlock: path -> rights on all below it. /dev/null can be written; nothing else can be done to any file."""
    version = _call(libc.syscall, LANDLOCK_CREATE_RULESET, None, 0, 1)
    handled = ALL_RIGHTS[min(version, 5)]
    network = 0b11 if version >= 4 else 0  # bind and connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets and signals
    attributes = struct.pack("=QQQ", handled, network, scopes)
    ruleset = _call(libc.syscall, LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    for path, rights in (rules | ALWAYS).items():
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not os.path.isdir(path):
            rights &= ~READ_DIR
        _call(libc.syscall, LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights & handled, descriptor), 0)
        os.close(descriptor)
    _call(libc.syscall, LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
