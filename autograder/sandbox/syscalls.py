"""The seccomp filter: which system calls a locked process may not make.

A refused call fails with EPERM, which Python raises as PermissionError. Calls newer than `NEWEST` fail with ENOSYS,
as if the kernel did not have them, and so does clone3, whose flags a filter cannot read. Calls that need a capability
are listed only if they have been abused without one: a locked process has none and cannot get any.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

from course.errors import GraderError

NEWEST = 451  # cachestat, Linux 6.5; from 424 on, the numbers are the same on all processors

# name, number on x86_64, number on aarch64 (- if it does not exist there)
_SOCKETS = """
    socket 41 198   socketpair 53 199   connect 42 203   bind 49 200   listen 50 201   accept 43 202
    accept4 288 242   sendmsg 46 211   sendmmsg 307 269   recvmsg 47 212   recvmmsg 299 243
    # ZeroMQ's threads call it on themselves
    sched_setscheduler 144 119
"""
_REFUSED = """
    # new programs and processes
    execve 59 221   execveat 322 281   fork 57 -   vfork 58 -
    # other processes
    ptrace 101 117   process_vm_readv 310 270   process_vm_writev 311 271   process_madvise 440 440
    process_mrelease 448 448   kcmp 312 272   pidfd_open 434 434   pidfd_getfd 438 438   pidfd_send_signal 424 424
    tkill 200 130   rt_sigqueueinfo 129 138   rt_tgsigqueueinfo 297 240   setsid 112 157   setpgid 109 154
    setpriority 141 140   ioprio_set 251 30   sched_setparam 142 118
    sched_setattr 314 274   sched_setaffinity 203 122   migrate_pages 256 238   move_pages 279 239
    # changes to files that Landlock does not cover
    chmod 90 -   fchmod 91 52   fchmodat 268 53   chown 92 -   fchown 93 55   lchown 94 -   fchownat 260 54
    utime 132 -   utimes 235 -   futimesat 261 -   utimensat 280 88   setxattr 188 5   lsetxattr 189 6
    fsetxattr 190 7   removexattr 197 14   lremovexattr 198 15   fremovexattr 199 16   truncate 76 45
    inotify_init 253 -   inotify_init1 294 26   fanotify_init 300 262   name_to_handle_at 303 264
    open_by_handle_at 304 265
    # memory that no resource limit counts
    memfd_create 319 279   memfd_secret 447 447   shmget 29 194   shmat 30 196   shmctl 31 195   msgget 68 186
    msgsnd 69 189   msgrcv 70 188   msgctl 71 187   semget 64 190   semop 65 193   semtimedop 220 192
    semctl 66 191   mq_open 240 180   mq_unlink 241 181
    # namespaces and mounts
    unshare 272 97   setns 308 268   mount 165 40   umount2 166 39   pivot_root 155 41   chroot 161 51
    open_tree 428 428   move_mount 429 429   fsopen 430 430   fsconfig 431 431   fsmount 432 432   fspick 433 433
    mount_setattr 442 442
    # rarely needed, often broken
    io_uring_setup 425 425   io_uring_enter 426 426   io_uring_register 427 427   bpf 321 280
    perf_event_open 298 241   userfaultfd 323 282   keyctl 250 219   add_key 248 217   request_key 249 218
    personality 135 92   seccomp 317 277   modify_ldt 154 -   iopl 172 -   ioperm 173 -   vhangup 153 58
"""

_CLONE, _CLONE3 = (56, 220), (435, 435)
_CLONE_THREAD = 0x10000
# calls that are refused or allowed for some values of one argument: (numbers): (index of the argument, values)
_KILL, _TGKILL, _PRLIMIT = (62, 129), (234, 131), (302, 261)
_REFUSED_VALUES = {
    (157, 167): (0, (1, 4)),  # prctl: PR_SET_PDEATHSIG (outliving the parent), PR_SET_DUMPABLE (being debugged)
    (72, 25): (1, (8, 15)),  # fcntl F_SETOWN: signals to others
    (16, 29): (1, (0x8901, 0x8902, 0x5412, 0x541C)),  # ioctl: the same, and writing input to a terminal
}

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_*
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06  # BPF, on 32-bit words
_NUMBER, _ARCHITECTURE = 0, 4  # offsets into struct seccomp_data
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000  # return values; _FAIL is combined with an errno
_REFUSE, _UNKNOWN = _FAIL | errno.EPERM, _FAIL | errno.ENOSYS
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


Instruction = tuple[int, ...]  # operation, operand, and for a test how many instructions to skip: if true, if false


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install_filter(libc: ctypes.CDLL, threads: bool, sockets: bool = False) -> None:
    """Refuse the calls listed in this module from now on. `threads`: whether new threads may be started.

    `sockets` allows sockets, for a process inside bubblewrap, which has no network. The process must have set
    no-new-privileges. Raises GraderError when the kernel or the processor is not supported.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise GraderError(f"The sandbox supports x86_64 and aarch64; this machine is {machine}.")
    code = filter_code(*_ARCHITECTURES[machine], os.getpid(), threads, sockets)
    program = _Program(len(code) // 8, code)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise GraderError(f"The kernel did not accept the seccomp filter: {os.strerror(ctypes.get_errno())}.")


def refused_numbers(column: int, sockets: bool = False) -> dict[str, int]:
    """Name -> number of every call that is refused whatever its arguments; `column` 0 is x86_64, 1 aarch64."""
    table = _REFUSED if sockets else _SOCKETS + _REFUSED
    lines = [line for line in table.splitlines() if "#" not in line]
    words = " ".join(lines).split()
    rows = zip(words[::3], words[1 + column :: 3], strict=True)
    return {name: int(number) for name, number in rows if number != "-"}


def filter_code(column: int, architecture: int, pid: int, threads: bool, sockets: bool = False) -> bytes:
    """The filter as BPF, 8 bytes per instruction. `pid` is the filtered process, which may signal itself only."""
    code: list[Instruction] = [
        (_LOAD, _ARCHITECTURE),
        (_EQUAL, architecture, 1, 0),
        (_RETURN, _KILL_PROCESS),  # another architecture's calls have other numbers
        (_LOAD, _NUMBER),
        (_GREATER, NEWEST, 0, 1),
        (_RETURN, _UNKNOWN),
        *_return_for(_CLONE3[column], _UNKNOWN),
    ]
    for number in refused_numbers(column, sockets).values():
        code += _return_for(number, _REFUSE)
    clone = _CLONE[column]
    code += (
        _by_argument(clone, 0, (_CLONE_THREAD,), _ALLOW, _REFUSE, _ANY_BIT) if threads else _return_for(clone, _REFUSE)
    )
    for signalling in (_KILL, _TGKILL):
        code += _by_argument(signalling[column], 0, (pid,), _ALLOW, _REFUSE)
    code += _by_argument(_PRLIMIT[column], 0, (0, pid), _ALLOW, _REFUSE)
    for numbers, (index, values) in _REFUSED_VALUES.items():
        code += _by_argument(numbers[column], index, values, _REFUSE, _ALLOW)
    code.append((_RETURN, _ALLOW))
    return b"".join(struct.pack("=HBBI", op, *(*jumps, 0, 0)[:2], value) for op, value, *jumps in code)


def _return_for(number: int, value: int) -> list[Instruction]:
    """Return `value` for the call `number`."""
    return [(_EQUAL, number, 0, 1), (_RETURN, value)]


def _by_argument(
    number: int, index: int, values: Iterable[int], match: int, otherwise: int, test: int = _EQUAL
) -> list[Instruction]:
    """Return `match` for the call `number` if its argument, as 32 bits, passes `test` for one of the values."""
    tests = [step for value in values for step in ((test, value, 0, 1), (_RETURN, match))]
    block = [(_LOAD, 16 + 8 * index), *tests, (_RETURN, otherwise)]
    return [(_EQUAL, number, 0, len(block)), *block]
