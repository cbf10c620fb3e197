"""The result of grading one submission and of each run, and what they depend on."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import autograder
import course
from course import __version__
from course.inspection.record import Inspection
from course.recipe import TEST_IMAGES
from course.rules import Verdict
from course.training import TRAINER_VERSION
from course.training.hardware import processor_name
from course.training.results import EpochResult


@cache
def software_versions() -> dict[str, str]:
    """The versions that results depend on, besides the spec and the seed."""
    return {
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "torchvision": metadata.version("torchvision"),
        "trainer": str(TRAINER_VERSION),
        "under8k": __version__,
    }


@cache
def capture_conditions(data: str = "") -> str:
    """A hash of all that a recipe's capture may honestly depend on besides its source.

    That is our code, the installed packages, the interpreter, the C library, the processor, and the `data` set, on
    whose size a schedule depends. Under equal ones the same source gives the same spec, unless it reads a clock or the
    like.
    """
    machine = (sys.version, platform.platform(), processor_name(), os.cpu_count())
    packages = sorted({path.name for folder in sys.path for path in Path(folder).glob("*.dist-info")})
    digest = hashlib.sha256(repr((machine, packages, *([data] if data else []))).encode())
    for package in (course, autograder):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class RunRecord:
    """One training: its seed, where it ran, and its finished epochs. `ended` says why it stopped early, or is empty.

    `seconds` is the wall-clock time. `wrong` is the last epoch's `Score.wrong`, and empty for a run from the store.
    """

    seed: int
    device: str
    device_name: str
    threads: int
    epochs: tuple[EpochResult, ...]
    seconds: float
    ended: str = ""
    wrong: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def correct(self) -> list[int]:
        return [epoch.correct for epoch in self.epochs]

    @property
    def total(self) -> int:
        """The number of test images."""
        return self.epochs[0].test_total if self.epochs else TEST_IMAGES


@dataclass(frozen=True)
class Result:
    """The verdict on one submission, its reasons, and everything that it is based on.

    `borderline` is shown next to the verdict if the seeds did not agree. `official` is False for a reduced run, and for
    fewer seeds than the rules train near the limit. `isolation` is the sandbox's tier; "none" means that the submission
    was trusted.
    """

    submission: str
    assignment: str
    verdict: Verdict
    reasons: tuple[str, ...]
    borderline: bool = False
    official: bool = True
    isolation: str = ""
    inspection: Inspection | None = None
    runs: tuple[RunRecord, ...] = ()
    versions: dict[str, str] = field(default_factory=lambda: dict(software_versions()))

    @property
    def counted(self) -> int | None:
        """The number of parameters; None if the network was not inspected."""
        return self.inspection.counted if self.inspection else None

    def to_dict(self) -> dict[str, Any]:
        """The result as `--json` prints it."""
        data = asdict(self)
        return {"verdict": data.pop("verdict"), "reasons": data.pop("reasons"), "counted": self.counted, **data}
