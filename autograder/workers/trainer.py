"""Trains one spec with one seed. It has the training data and the test images; scores come from elsewhere."""

from __future__ import annotations

import base64
import io
import os
import pickle
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch

from autograder.workers.messages import (
    MAX_LINE,
    EpochFinished,
    Message,
    Outputs,
    Progress,
    RunStarted,
    Scored,
    TrainingFailed,
    TrainRequest,
)
from course import data
from course.errors import CourseError, Diverged, RecipeError
from course.network import kernels
from course.spec import Spec
from course.training import devices
from course.training.data import TrainingData
from course.training.loop import train
from course.training.results import TrainingStep
from course.training.scoring import Score

PROGRESS_SECONDS = 0.5
WARM_UP_STEPS, MEASURED_STEPS = 3, 20

kernels.precompile()  # with the import, so that all that are forked from a warm process share what is compiled


def main() -> None:
    request = TrainRequest.model_validate_json(sys.stdin.buffer.readline(MAX_LINE))
    try:
        _train(request)
    except Diverged as error:
        _say(TrainingFailed(kind="diverged", text=str(error)))
    except RecipeError as error:
        _say(TrainingFailed(kind="refused", text=str(error)))
    except (CourseError, OSError) as error:
        _say(TrainingFailed(kind="internal", text=f"Training stopped: {error}"))
    os._exit(0)  # all is said, and tidying PyTorch up takes 0.3 s


def _train(request: TrainRequest) -> None:
    device = devices.choose_device(request.device)
    folder = Path(request.folder)
    images = TrainingData(
        data.read_images("train", folder), data.read_labels("train", folder), data.read_images("test", folder)
    )
    if request.images:
        images = images.subset(*request.images)
    state = _read_state(request.state)
    spec = Spec.from_json(request.spec)
    resumed = state["epoch"] if state else 0
    _say(
        RunStarted(
            device=device.type,
            device_name=torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
            threads=request.threads,
            resumed=resumed,
        )
    )
    states: list[str] = []
    epochs = train(
        spec,
        images,
        seed=request.seed,
        device=device,
        threads=request.threads,
        cuda_graphs=request.cuda_graphs,
        score=_ask_for_score,
        resume=state,
        on_step=_Ticker(spec.epochs - resumed, request.max_seconds),
        on_epoch=lambda run, result: states.append(_in_words(run.state_dict())),
    )
    for result in epochs:
        _say(EpochFinished(**asdict(result), state=states.pop()))


def _read_state(text: str) -> dict | None:
    """What `_in_words` made; None when there is none, or it is damaged, which means to start from the beginning."""
    try:
        return torch.load(io.BytesIO(base64.b64decode(text)), weights_only=True) if text else None
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
        return None


def _in_words(state: dict) -> str:
    file = io.BytesIO()
    torch.save(state, file)
    return base64.b64encode(file.getvalue()).decode()


class _Ticker:
    """Tells the supervisor how far the epoch is, now and then, and gives up on a run that would take too long."""

    def __init__(self, epochs: int, max_seconds: float):
        self._epochs, self._most = epochs, max_seconds
        self._last = 0.0
        self._steps = 0
        self._since = 0.0

    def __call__(self, step: TrainingStep) -> None:
        now = time.monotonic()
        self._steps += 1
        if self._steps == WARM_UP_STEPS:
            self._since = now
        elif self._steps == WARM_UP_STEPS + MEASURED_STEPS:
            self._check((now - self._since) / MEASURED_STEPS * step.steps * self._epochs)
        if now - self._last > PROGRESS_SECONDS or step.step == step.steps:
            self._last = now
            _say(Progress(epoch=step.epoch, step=step.step, steps=step.steps))

    def _check(self, projected: float) -> None:
        if projected > self._most:
            raise RecipeError(
                f"Training would take about {projected / 60:,.0f} minutes, as {MEASURED_STEPS} steps show, and "
                f"{self._most / 60:,.0f} are allowed. Use a lighter network, cheaper transforms or a larger batch."
            )


def _ask_for_score(outputs: torch.Tensor) -> Score:
    _say(Outputs(data=base64.b64encode(outputs.contiguous().numpy().tobytes()).decode()))
    scored = Scored.model_validate_json(sys.stdin.buffer.readline(MAX_LINE))
    return Score(loss=scored.loss, correct=scored.correct)


def _say(message: Message) -> None:
    sys.stdout.buffer.write(message.line())
    sys.stdout.buffer.flush()


def processor() -> str:
    """The CPU's name, as Linux and others give it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
