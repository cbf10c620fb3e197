"""Where a run's finished epochs are kept while it trains, so that it can go on from the last of them."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from autograder.store.records import RunRecord
from course.errors import GraderError
from course.training.results import EpochResult


@dataclass(frozen=True)
class Checkpoint:
    """Finished epochs, and the trainer's state after the last of them; `state` is None when there is none."""

    epochs: tuple[EpochResult, ...] = ()
    state: bytes | None = None


class CheckpointStore(Protocol):
    """Keeps one run; each call is done, for good, when it returns."""

    def load(self) -> Checkpoint: ...

    def save(self, result: EpochResult, state: bytes) -> None: ...

    def finish(self, record: RunRecord) -> None: ...


class CheckpointFile:
    """One file, whole or absent, that is gone once the run is done."""

    def __init__(self, path: Path):
        self.path = path
        self._epochs: list[EpochResult] = []

    def load(self) -> Checkpoint:
        """A file that is absent or damaged is a run that starts from the beginning."""
        try:
            kept = json.loads(self.path.read_text())
            epochs, state = [EpochResult(**one) for one in kept["epochs"]], base64.b64decode(kept["state"])
        except (OSError, ValueError, KeyError, TypeError):
            return Checkpoint()
        self._epochs = epochs
        return Checkpoint(tuple(epochs), state)

    def save(self, result: EpochResult, state: bytes) -> None:
        self._epochs = [*self._epochs[: result.epoch - 1], result]
        self._write(self._epochs, state)

    def finish(self, record: RunRecord) -> None:
        self.path.unlink(missing_ok=True)

    def _write(self, epochs: Sequence[EpochResult], state: bytes) -> None:
        text = json.dumps({"epochs": [asdict(e) for e in epochs], "state": base64.b64encode(state).decode()})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
            try:
                with os.fdopen(handle, "w") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise GraderError(
                f"An epoch could not be kept in {self.path.parent} ({error.strerror}). "
                "Make room there, and grade again."
            ) from None
