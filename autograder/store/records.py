"""What grading one submission found out; `to_dict` is what `--json` prints."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata

from course import __version__
from course.inspection import Inspection
from course.rules import Verdict
from course.training import loop


@dataclass(frozen=True)
class RunRecord:
    """One training: its seed, where it ran, and its finished epochs. `ended` is empty, or why it stopped early.

    `wrong` is the last epoch's `Score.wrong`; a run that comes from the store is without.
    """

    seed: int
    device: str
    device_name: str
    threads: int
    epochs: tuple[loop.EpochResult, ...]
    seconds: float
    ended: str = ""
    wrong: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def correct(self) -> list[int]:
        return [epoch.correct for epoch in self.epochs]


@dataclass(frozen=True)
class Result:
    """The verdict on one submission, with its reasons and everything it rests on.

    `borderline` is shown beside the verdict when the seeds did not agree. `official` is False when data or epochs were
    cut down. `isolation` names the sandbox's tier; "none" means that the submission was trusted.
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
    versions: dict[str, str] = field(default_factory=lambda: dict(versions()))

    @property
    def counted(self) -> int | None:
        return self.inspection.counted if self.inspection else None

    def to_dict(self) -> dict:
        data = asdict(self)
        return {"verdict": data.pop("verdict"), "reasons": data.pop("reasons"), "counted": self.counted, **data}


@cache
def versions() -> dict[str, str]:
    """What a number depends on besides the spec and the seed."""
    return {
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "torchvision": metadata.version("torchvision"),
        "trainer": str(loop.TRAINER_VERSION),
        "under8k": __version__,
    }
