"""Trains one spec with one seed. It has the training data and the test images; the supervisor sends it the scores."""

from __future__ import annotations

import base64
import io
import os
import pickle
import sys
import time
from typing import Any

import torch

from autograder.workers.messages import (
    MAX_LINE,
    EpochFinished,
    Message,
    Outputs,
    Progress,
    Remark,
    RunStarted,
    Scored,
    TrainingFailed,
    TrainRequest,
)
from course.data import Digits
from course.errors import CourseError, Diverged, OutputsNotFinite, RecipeError
from course.spec import Spec
from course.training import devices
from course.training.data import TrainingData
from course.training.hardware import processor_name
from course.training.initial_accuracy import check_initial_accuracy
from course.training.loop import train
from course.training.results import TrainingStep
from course.training.scoring import Score

PROGRESS_SECONDS = 0.5  # between two messages about progress
WARM_UP_STEPS, MEASURED_STEPS = 5, 20  # before the duration of the run is estimated; the fourth may be recorded
CPU = torch.device("cpu")
LONGEST = 2  # times the allowed duration, in processor time, which other programs on the machine do not lengthen


def main() -> None:
    request = TrainRequest.model_validate_json(sys.stdin.buffer.readline(MAX_LINE))
    try:
        _train(request)
    except (Diverged, OutputsNotFinite) as error:
        _send(TrainingFailed(kind="diverged", text=str(error)))
    except RecipeError as error:
        _send(TrainingFailed(kind="refused", text=str(error)))
    except (CourseError, OSError) as error:
        _send(TrainingFailed(kind="internal", text=f"Training stopped: {error}"))
    os._exit(0)  # shutting PyTorch down would take 0.3 s


def _train(request: TrainRequest) -> None:
    device = devices.choose_device(request.device)
    files = request.data
    chosen = Digits(files.images("train"), files.labels("train")).share(request.train_size)
    digits = TrainingData(chosen.images, chosen.labels, files.images("test"))
    if request.images:
        digits = digits.subset(*request.images)
    state = decode_state(request.state)
    spec = Spec.from_json(request.spec)
    resumed = state["epoch"] if state else 0
    _send(
        RunStarted(
            device=device.type,
            device_name=torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name(),
            threads=request.threads,
            resumed=resumed,
        )
    )
    if not resumed:
        with devices.deterministic(CPU):
            check_initial_accuracy(spec, digits, request.seed)
    states: list[str] = []  # at most one: that of the epoch which is about to be yielded
    results = train(
        spec,
        digits,
        seed=request.seed,
        device=device,
        threads=request.threads,
        score=_ask_for_score,
        resume=state,
        on_step=ProgressReporter(spec.epochs - resumed, request.max_seconds, request.threads, device),
        on_epoch=lambda run, result: states.append(encode_state(run.state_dict())),
        on_remark=lambda text: _send(Remark(text=text)),
    )
    for result in results:
        _send(EpochFinished(result=result, state=states.pop()))


def encode_state(state: dict[str, Any]) -> str:
    """A run's state as base64."""
    file = io.BytesIO()
    torch.save(state, file)
    return base64.b64encode(file.getvalue()).decode()


def decode_state(text: str) -> dict[str, Any] | None:
    """The inverse of `encode_state`. None if `text` is empty or damaged: training then starts from the beginning."""
    try:
        return torch.load(io.BytesIO(base64.b64decode(text)), weights_only=True) if text else None
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
        return None


class ProgressReporter:
    """Called after each step: sends progress to the supervisor from time to time.

    Raises RecipeError after a few steps if `epochs` epochs would take longer than `max_seconds`, and later if the steps
    have become so slow that they did.
    """

    def __init__(self, epochs: int, max_seconds: float, threads: int = 1, device: torch.device = CPU):
        self._epochs, self._max_seconds, self._device = epochs, max_seconds, device
        self._most_computed = time.process_time() + LONGEST * max_seconds * threads
        self._reported = 0.0  # when
        self._steps = 0
        self._measured_from = 0.0

    def __call__(self, step: TrainingStep) -> None:
        now = time.monotonic()
        self._steps += 1
        if self._steps == WARM_UP_STEPS:
            step.wait()
            self._measured_from = time.monotonic()
        elif self._steps == WARM_UP_STEPS + MEASURED_STEPS:
            step.wait()
            self._check((time.monotonic() - self._measured_from) / MEASURED_STEPS * step.steps * self._epochs)
        elif self._steps > WARM_UP_STEPS + MEASURED_STEPS and time.process_time() > self._most_computed:
            raise RecipeError(
                f"Training took more than {LONGEST} times the {self._max_seconds / 60:,.0f} minutes that are allowed: "
                "its steps became slower than the first ones. Look for numbers that shrink to almost nothing (below "
                "1e-38), with which a processor computes slowly."
            )
        if now - self._reported > PROGRESS_SECONDS or step.step == step.steps:
            self._reported = now
            _send(Progress(epoch=step.epoch, step=step.step, steps=step.steps, memory=self._memory_in_use()))

    def _memory_in_use(self) -> float:
        if self._device.type == "cpu":
            return 0.0
        free, total = torch.cuda.mem_get_info(self._device)
        return 1 - free / total

    def _check(self, projected: float) -> None:
        if projected > self._max_seconds:
            raise RecipeError(
                f"Training would take about {projected / 60:,.0f} minutes, as {MEASURED_STEPS} steps show, "
                f"and {self._max_seconds / 60:,.0f} are allowed. Use a smaller network, cheaper transforms or a larger "
                "batch."
            )


def _ask_for_score(outputs: torch.Tensor) -> Score:
    _send(Outputs(data=base64.b64encode(outputs.contiguous().numpy().tobytes()).decode()))
    scored = Scored.model_validate_json(sys.stdin.buffer.readline(MAX_LINE))
    return Score(loss=scored.loss, correct=scored.correct)


def _send(message: Message) -> None:
    sys.stdout.buffer.write(message.line())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
