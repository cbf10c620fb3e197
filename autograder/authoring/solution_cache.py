"""Trainings that are kept while solutions are made: a lesson's text is mended far more often than its recipe.

In the kernel that runs a solution, `remember()` lets `fit` look first whether the same training was finished before:
same spec, seed, epochs, device, threads and versions. Then it is not run again, and its log is shown as it was.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import wraps
from pathlib import Path

import torch
from platformdirs import user_cache_path

from autograder.store.records import versions
from course import notebook
from course.capture import capture
from course.capture.init_program import initialise_lazy_layers
from course.inspection import inspect
from course.notebook import History
from course.recipe import Recipe
from course.training import devices
from course.training.loop import TRAINER_VERSION
from course.training.results import EpochResult


def default_folder() -> Path:
    return user_cache_path("under8k") / "solutions"


def remember() -> None:
    """From now on `course.fit` keeps what it trains, in this process."""
    notebook.fit = keeping(notebook.fit, default_folder())


def keeping(fit: Callable[..., History], folder: Path) -> Callable[..., History]:
    """`fit` with a memory in `folder`."""

    @wraps(fit)
    def kept(
        recipe: Recipe,
        seed: int = 1,
        device: str = "auto",
        *,
        threads: int = devices.DEFAULT_THREADS,
        epochs: int | None = None,
    ) -> History:
        spec = capture(recipe)
        what = [spec.hash, seed, epochs, devices.choose_device(device).type, threads, TRAINER_VERSION, versions()]
        path = folder / f"{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]}.pt"
        if path.exists():
            found = torch.load(path, weights_only=True)
            print(found["log"], end="")
            return _history(found, recipe, inspect(spec))
        log = io.StringIO()
        with redirect_stdout(_Both(sys.stdout, log)):
            history = fit(recipe, seed, device, threads=threads, epochs=epochs)
        if history.epochs:
            _save(path, log.getvalue(), history)
        return history

    return kept


def _save(path: Path, log: str, history: History) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
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
        part,
    )
    os.replace(part, path)


def _history(found: dict, recipe: Recipe, inspection) -> History:
    model = recipe.model()
    initialise_lazy_layers(model)
    model.load_state_dict(found["weights"])
    epochs = tuple(EpochResult(**epoch) for epoch in found["epochs"])
    return History(found["seed"], found["device"], found["threads"], inspection, epochs, model.eval(), found["outputs"])


class _Both(io.TextIOBase):
    """Writes to two streams."""

    def __init__(self, *streams):
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()
