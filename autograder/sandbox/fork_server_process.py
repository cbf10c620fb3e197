"""The process of a `ForkServer`: `python -m autograder.sandbox.fork_server_process MODULE SOCKET`.

It imports MODULE and then forks a child for each request. It reads nothing that comes from a submission, and a
locked child cannot reach it: the child may send no signals, attach no debugger, and shares no descriptor with it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
from dataclasses import replace

from autograder.sandbox.fork_server import KILL, READY
from autograder.sandbox.limits import ChildSettings
from autograder.sandbox.lockdown import PR_SET_DUMPABLE, SETTINGS_VARIABLE


def serve(control: socket.socket) -> bool:
    """Fork a child for each request; returns True in the child, and False when the supervisor is gone."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 4)
        if not message:
            return False
        if message == KILL:  # sent before the supervisor had read that the child has ended
            continue
        settings = replace(ChildSettings.from_json(message.decode()), parent=os.getpid())
        child = os.fork()
        if child == 0:
            os.environ[SETTINGS_VARIABLE] = settings.to_json()
            _install_descriptors(descriptors)
            control.detach()  # closed by now
            return True
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(struct.pack("=i", _wait_for_child(child, control)))


def _install_descriptors(descriptors: list[int]) -> None:
    """Give them the numbers 0 to 3, and close all others."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(len(descriptors), os.sysconf("SC_OPEN_MAX"))


def _wait_for_child(child: int, control: socket.socket) -> int:
    """The child's return code. It is killed when the supervisor asks for it or is gone."""
    child_fd = os.pidfd_open(child)
    ready, _, _ = select.select([child_fd, control.fileno()], [], [])
    os.close(child_fd)
    if control.fileno() in ready:
        os.kill(child, signal.SIGKILL)
        control.recv(len(KILL))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    module_name, descriptor = sys.argv[1:]
    control = socket.socket(fileno=int(descriptor))
    module = importlib.import_module(module_name)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    gc.freeze()  # imported objects stay in memory pages that all children share
    control.send(READY)
    if serve(control):
        sys.exit(module.main())


if __name__ == "__main__":
    main()
