"""The sandbox's data types: isolation tiers, resource limits, the settings of a child process, how it ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Literal


class Tier(StrEnum):
    """How a student's code is isolated, best first. The value is what a result records."""

    BUBBLEWRAP = "bubblewrap"  # bubblewrap, and inside it Landlock, seccomp and resource limits
    LANDLOCK = "landlock"  # Landlock, seccomp and resource limits
    NONE = "none"  # for trusted submissions only

    @property
    def caveat(self) -> str:
        """What a person should know before grading with this tier; empty for the best one."""
        return _CAVEATS[self]


_CAVEATS = {
    Tier.BUBBLEWRAP: "",
    Tier.LANDLOCK: "Submissions run behind one layer of isolation instead of two, because bubblewrap does not work "
    "here. They can learn which files exist, though not what is in them. Install bubblewrap to close that gap.",
    Tier.NONE: "Submissions run with all your rights and can read, change and send any file of yours. "
    "Grade only what you would run yourself.",
}


@dataclass(frozen=True)
class Limits:
    """What one process may use. It cannot write to files or start a second process, whatever the limits."""

    seconds: float = 60.0  # wall-clock time from start to end
    memory: int = 6 * 2**30  # bytes of address space; importing torch takes about 4 GiB
    output: int = 10_000_000  # bytes of stdout and stderr together
    open_files: int = 256  # at the same time
    threads: int = 1  # in total; with 1, the process can start none


STANDARD = Limits()

Ending = Literal["exit", "timeout", "output", "memory", "killed"]


@dataclass(frozen=True)
class SandboxResult:
    """How a process ended, and what it printed. `returncode` is minus the signal's number after a signal.

    `ended` is "timeout" or "output" when that limit ended the process, "memory" when it ran out of memory, "killed"
    after any other signal (a crash, an abort), and "exit" when it ended by itself.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    ended: Ending
    seconds: float


@dataclass(frozen=True)
class ChildSettings:
    """How a child process locks itself down; the supervisor passes it in an environment variable.

    The paths `readable` stay readable; of the folders `listable`, the names of what is in them. If `parent` is given,
    the child must end when its parent process is no longer that one. It reports to the file descriptor `notice_fd` that
    it is locked.
    """

    tier: Tier
    limits: Limits
    notice_fd: int
    readable: tuple[str, ...] = field(default=())
    parent: int | None = None
    listable: tuple[str, ...] = field(default=())

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ChildSettings:
        data = json.loads(text)
        return cls(
            tier=Tier(data["tier"]),
            limits=Limits(**data["limits"]),
            notice_fd=data["notice_fd"],
            readable=tuple(data["readable"]),
            parent=data["parent"],
            listable=tuple(data["listable"]),
        )
