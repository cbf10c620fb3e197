"""Who trains a run: a name for a process that others can tell to be alive or dead."""

from __future__ import annotations

import functools
import os
import platform
import uuid
from pathlib import Path

import psutil

BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0  # an owner that has not been heard of for so long is taken to be dead or stuck


def new_owner() -> str:
    """A name for one claim of this process: machine, process, when that started, and a number of its own."""
    return f"{machine()} {os.getpid()} {_started(os.getpid())} {uuid.uuid4().hex[:12]}"


def place(owner: str) -> str:
    """Machine and process, for people."""
    return f"{platform.node()} {owner.split()[1]}"


def is_alive(owner: str, silent: float) -> bool:
    """Whether `owner`, silent for so many seconds, still works. A dead process of this machine is known at once."""
    if not owner or silent > STALE_SECONDS:
        return False
    where, pid, started, _ = owner.split()
    return where != machine() or _started(int(pid)) == started


@functools.cache
def machine() -> str:
    """The same for all processes that see each other's numbers, and for no others: boots and containers differ."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux
        return f"{platform.node()}:{uuid.getnode():x}".replace(" ", "-")


def _started(pid: int) -> str:
    """When a process started, as text; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
