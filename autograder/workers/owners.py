"""Who trains a run: a name for a process by which others can tell whether it is alive."""

from __future__ import annotations

import functools
import os
import platform
import uuid
from pathlib import Path

import psutil

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 60.0  # an owner without a heartbeat for so long counts as dead or stuck


def new_owner() -> str:
    """A name for one claim of this process: machine, process id, start time of the process, and a random part."""
    return f"{machine()} {os.getpid()} {_start_time(os.getpid())} {uuid.uuid4().hex[:12]}"


def for_people(owner: str) -> str:
    """Host name and process id of an owner on this machine."""
    return f"{platform.node()} {owner.split()[1]}"


def is_alive(owner: str, silent: float) -> bool:
    """Whether `owner`, whose last heartbeat is `silent` seconds ago, still works.

    That a process of this machine has ended is known at once.
    """
    if not owner or silent > STALE_SECONDS:
        return False
    owner_machine, pid, start_time, _ = owner.split()
    return owner_machine != machine() or _start_time(int(pid)) == start_time


@functools.cache
def machine() -> str:
    """Boot id and PID namespace: the same for two processes if and only if their process ids can be compared."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux
        return f"{platform.node()}:{uuid.getnode():x}".replace(" ", "-")


def _start_time(pid: int) -> str:
    """When a process started, as text; empty if it has ended."""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
