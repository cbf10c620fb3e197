"""Finished trainings are cached while solutions are made: the text of a lesson changes far more often than its recipe.

The kernel that executes a lesson loads this module as an IPython extension. `course.fit` then returns the result of an
earlier training with the same spec, seed, epochs, device and versions, and prints its log again.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import torch
from platformdirs import user_cache_path

from autograder.store.records import software_versions
from course.files import write_atomically
from course.notebook import FitRequest, History, model_with_weights, use_cache
from course.training import TRAINER_VERSION
from course.training.results import EpochResult


def load_ipython_extension(shell: object) -> None:
    """IPython calls this for `--ext=autograder.authoring.solution_cache`."""
    use_cache(SolutionCache(user_cache_path("under8k") / "solutions"))


@dataclass(frozen=True)
class SolutionCache:
    """A `course.notebook.FitCache`: one file in `folder` for each training."""

    folder: Path

    def fetch(self, request: FitRequest, train: Callable[[], History]) -> History:
        """The stored history of an equal request, with its log printed, or else the history that `train()` returns."""
        path = self._path(request)
        if path.exists():
            return _load(path, request)
        log = io.StringIO()
        with redirect_stdout(_Tee(sys.stdout, log)):
            history = train()
        _save(path, log.getvalue(), history)
        return history

    def _path(self, request: FitRequest) -> Path:
        key = [request.spec.hash, request.seed, request.epochs, request.device.type]
        digest = hashlib.sha256(json.dumps([*key, TRAINER_VERSION, software_versions()]).encode()).hexdigest()
        return self.folder / f"{digest[:32]}.pt"


def _save(path: Path, log: str, history: History) -> None:
    assert history.model is not None  # it was trained
    file = io.BytesIO()
    torch.save(
        {
            "log": log,
            "seed": history.seed,
            "device": history.device,
            "threads": history.threads,
            "epochs": [asdict(epoch) for epoch in history.epochs],
            "outputs": history.outputs,
            "weights": history.model.state_dict(),
        },
        file,
    )
    write_atomically(path, file.getvalue())


def _load(path: Path, request: FitRequest) -> History:
    """The history that `_save` wrote. Prints its log."""
    saved = torch.load(path, weights_only=True)
    print(saved["log"], end="")
    return History(
        seed=saved["seed"],
        device=saved["device"],
        threads=saved["threads"],
        inspection=request.inspection,
        epochs=tuple(EpochResult(**epoch) for epoch in saved["epochs"]),
        model=model_with_weights(request.recipe, saved["weights"]),
        outputs=saved["outputs"],
    )


class _Tee(io.TextIOBase):
    """Writes to several streams."""

    def __init__(self, *streams: TextIO):
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()
