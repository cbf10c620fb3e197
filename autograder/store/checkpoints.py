"""Checkpoints of a run while it trains: an interrupted training resumes after its last finished epoch."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from autograder.store.records import RunRecord
from course.errors import GraderError
from course.files import write_atomically
from course.training.results import EpochResult


@dataclass(frozen=True)
class Checkpoint:
    """The finished epochs, and the trainer's state after the last of them; None if no epoch is finished."""

    epochs: tuple[EpochResult, ...] = ()
    state: bytes | None = None


class CheckpointStore(Protocol):
    """Stores the checkpoints of one run. What a call has stored is on the disk when it returns."""

    def load(self) -> Checkpoint: ...

    def save(self, result: EpochResult, state: bytes) -> None: ...

    def finish(self, record: RunRecord) -> None: ...


class CheckpointFile:
    """Stores the newest checkpoint in one file, which is deleted when the run is finished."""

    def __init__(self, path: Path):
        self.path = path
        self._epochs: list[EpochResult] = []

    def load(self) -> Checkpoint:
        """The checkpoint in the file; an empty one if the file is absent or damaged."""
        try:
            stored = json.loads(self.path.read_text())
            epochs = [EpochResult(**fields) for fields in stored["epochs"]]
            state = base64.b64decode(stored["state"])
        except (OSError, ValueError, KeyError, TypeError):
            return Checkpoint()
        self._epochs = epochs
        return Checkpoint(tuple(epochs), state)

    def save(self, result: EpochResult, state: bytes) -> None:
        """Add an epoch; one that is repeated replaces it and all after it. Raises GraderError."""
        self._epochs = [*self._epochs[: result.epoch - 1], result]
        text = json.dumps({"epochs": [asdict(e) for e in self._epochs], "state": base64.b64encode(state).decode()})
        try:
            write_atomically(self.path, text)
        except OSError as error:
            raise GraderError(
                f"A checkpoint could not be saved in {self.path.parent} ({error.strerror}). "
                "Make room there, and grade again."
            ) from None

    def finish(self, record: RunRecord) -> None:
        self.path.unlink(missing_ok=True)
