"""The sandbox's vocabulary: how well it is isolated, how much it may use, how a process ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Literal


class Tier(StrEnum):
    """How a student's code is isolated, best first. The value is what a result records."""

    BUBBLEWRAP = "bubblewrap"  # bubblewrap, and inside it Landlock, seccomp and resource limits
    LANDLOCK = "landlock"  # Landlock, seccomp and resource limits
    NONE = "none"  # trusted submissions only

    @property
    def caveat(self) -> str:
        """What a person should know before grading with this tier; empty for the best one."""
        return _CAVEATS[self]


_CAVEATS = {
    Tier.BUBBLEWRAP: "",
    Tier.LANDLOCK: "Submissions run behind one wall instead of two, because bubblewrap does not work here. "
    "They can learn which files exist, though not what is in them. Install bubblewrap to close that.",
    Tier.NONE: "Submissions run with all your rights and can read, change and send any file of yours. "
    "Grade only what you would run yourself.",
}


@dataclass(frozen=True)
class Limits:
    """What one process may use. Files cannot be written at all, and no second process can be started."""

    seconds: float = 60.0  # on the clock, from start to end
    memory: int = 6 * 2**30  # bytes of address space; importing torch takes about 4 GiB
    output: int = 10_000_000  # bytes, stdout and stderr together
    open_files: int = 256  # at the same time
    threads: int = 1  # all in all; 1: none can be started


STANDARD = Limits()


@dataclass(frozen=True)
class SandboxResult:
    """How a process ended, and what it printed. `returncode` is minus the signal's number after a signal.

    `ended` is "timeout" or "output" when that limit ended it, "memory" when it ran out of memory, "killed" after
    any other signal (a crash, an abort), and "exit" when it ended by itself.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    ended: Literal["exit", "timeout", "output", "memory", "killed"]
    seconds: float


@dataclass(frozen=True)
class ChildSettings:
    """What the supervisor tells the child about its lock, by way of the environment.

    `readable` are the paths that stay readable. The child must end when its parent is no longer `parent`, where that
    is given. To the file descriptor `notice` it reports that the lock is shut.
    """

    tier: Tier
    limits: Limits
    notice: int
    readable: tuple[str, ...] = field(default=())
    parent: int | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ChildSettings:
        data = json.loads(text)
        return cls(
            Tier(data["tier"]), Limits(**data["limits"]), data["notice"], tuple(data["readable"]), data["parent"]
        )
