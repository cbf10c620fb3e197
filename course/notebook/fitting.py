"""What a lesson calls: `fit` trains a recipe in the notebook exactly as the grader would; `inspect` shows its numbers.

    history = fit(recipe, seed=1)
    history.epochs[-1].correct      # of 10,000 test images of MNIST
    history.model                   # the student's own model, with the trained weights

The log has the form that is usual for MNIST notebooks: EPOCH, a progress bar, the line of the test set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from course import data
from course.capture import capture, initialise_lazy_layers
from course.errors import CourseError
from course.inspection.checks import inspect as inspect_spec
from course.inspection.record import Inspection, raise_on_problems
from course.notebook.validation import MAX_SEED, MAX_THREADS, usable_device, whole_number
from course.recipe import Recipe, require_recipe
from course.spec import Spec
from course.training.data import TrainingData
from course.training.hardware import usable_cores
from course.training.loop import Run, train
from course.training.results import EpochResult, TrainingStep
from course.training.scoring import Score, Scorer

STEPS_PER_UPDATE = 20  # of the progress bar: reading the loss makes the CPU wait for the device


@dataclass(frozen=True)
class History:
    """One training in a notebook. `model` is the student's own class with the trained weights, in eval mode.

    `outputs` are the network's outputs for the test images after the last epoch, (N, 10) float32. Where nothing was
    trained, `epochs` is empty and `note` says why.
    """

    seed: int
    device: str
    threads: int
    inspection: Inspection | None
    epochs: tuple[EpochResult, ...] = ()
    model: nn.Module | None = field(default=None, repr=False)
    outputs: Tensor | None = field(default=None, repr=False, compare=False)
    note: str = ""

    @property
    def correct(self) -> list[int]:
        """Correct predictions on the test set, epoch by epoch."""
        return [epoch.correct for epoch in self.epochs]


@dataclass(frozen=True)
class FitRequest:
    """A call of `fit` whose arguments were checked. `spec` is the whole recipe's; `epochs`, if given, shortens it."""

    recipe: Recipe
    spec: Spec
    inspection: Inspection
    seed: int
    device: torch.device
    threads: int
    epochs: int | None


class FitCache(Protocol):
    """Finished trainings that `fit` may return again; see `use_cache`."""

    def fetch(self, request: FitRequest, train: Callable[[], History]) -> History:
        """The stored history of an equal request, with its log printed, or else the history that `train()` returns."""


_cache: FitCache | None = None


def use_cache(cache: FitCache | None) -> None:
    """Let every later `fit` in this process look into `cache` before it trains; None ends that."""
    global _cache
    _cache = cache


def fit(
    recipe: Recipe,
    seed: int = 1,
    device: str = "auto",
    *,
    threads: int | None = None,
    epochs: int | None = None,
) -> History:
    """Capture, inspect and train a recipe; show a progress bar for each epoch and then the line of its log.

    `threads` are all cores by default; the accuracies do not depend on them. `epochs` stops the run early; its schedule
    stays that of the whole recipe. While nbgrader executes the notebook
    nothing is trained: the grader trains the recipe itself. Raises UsageError for an argument that cannot be used,
    RecipeError, StudentCodeError, Diverged, OutputsNotFinite, DataError.
    """
    seed = whole_number("fit(seed=...)", seed, 0, MAX_SEED)
    threads = usable_cores() if threads is None else whole_number("fit(threads=...)", threads, 1, MAX_THREADS)
    chosen_device = usable_device(device)
    if "NBGRADER_EXECUTION" in os.environ:
        note = "Nothing is trained while nbgrader runs the notebook: the grader trains the recipe itself."
        print(note)
        return History(seed, chosen_device.type, threads, None, note=note)
    if epochs is not None:
        advice = "The recipe's own number of epochs is the upper limit: Recipe(epochs=...) sets it."
        epochs = whole_number("fit(epochs=...)", epochs, 1, require_recipe(recipe).epochs, advice)
    spec = capture(recipe)
    inspection = inspect_spec(spec)
    raise_on_problems(inspection)
    request = FitRequest(recipe, spec, inspection, seed, chosen_device, threads, epochs)
    train_now = partial(_train, request)
    return train_now() if _cache is None else _cache.fetch(request, train_now)


def _train(request: FitRequest) -> History:
    spec = request.spec if request.epochs is None else request.spec.model_copy(update={"epochs": request.epochs})
    mnist = data.load()
    images = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
    print(f"{request.inspection.counted:,} parameters counted; seed {request.seed} on {request.device.type}")
    bars, last_epoch = _EpochBars(), _LastEpoch(Scorer(mnist.test.labels, spec.loss))
    training = train(
        spec,
        images,
        seed=request.seed,
        device=request.device,
        threads=request.threads,
        score=last_epoch.score,
        on_step=bars.step,
        on_epoch=last_epoch.finish,
    )
    epochs = []
    with bars:
        for result in training:
            epochs.append(result)
            bars.finish(result)
    model = model_with_weights(request.recipe, last_epoch.run.tested_weights())
    return History(
        seed=request.seed,
        device=request.device.type,
        threads=request.threads,
        inspection=request.inspection,
        epochs=tuple(epochs),
        model=model,
        outputs=last_epoch.outputs,
    )


def inspect(recipe: Recipe) -> Inspection:
    """Capture a recipe and print what is known of it without training. Raises RecipeError, StudentCodeError."""
    inspection = inspect_spec(capture(recipe))
    print("\n".join(inspection.summary()))
    for sentence in (*inspection.leaks, *inspection.problems):
        print(f"- {sentence}")
    for advice in inspection.advice:
        print(f"Remark: {advice}")
    return inspection


def log_line(result: EpochResult) -> str:
    """`Test set: Average loss: 0.0159, Accuracy: 9944/10000 (99.44%)`"""
    return (
        f"Test set: Average loss: {result.test_loss:.4f}, "
        f"Accuracy: {result.correct}/{result.test_total} ({result.accuracy:.2%})"
    )


def model_with_weights(recipe: Recipe, weights: Mapping[str, Tensor]) -> nn.Module:
    """A fresh model of the recipe in eval mode, with `weights` in the place of its initial ones.

    A batch norm's `num_batches_tracked` is not among the weights and stays as it was built. Raises CourseError if
    anything else in the model's state has no value in `weights`.
    """
    model: nn.Module = recipe.model()
    initialise_lazy_layers(model)
    names = model.state_dict().keys()
    state = {name: tensor.cpu() for name, tensor in weights.items() if name in names}
    aliases = _second_names(model)
    for name in model.load_state_dict(state, strict=False).missing_keys:
        if name not in aliases and not name.endswith("num_batches_tracked"):
            raise CourseError(f"The trained weights have no value for {name!r}.")
    return model.eval()


def _second_names(model: nn.Module) -> set[str]:
    """The names of parameters that the model also has under an earlier name."""
    every_name = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return every_name - {name for name, _ in model.named_parameters()}


class _LastEpoch:
    """Keeps the run, which has the weights, and the outputs for the test images of the last finished epoch."""

    run: Run
    outputs: Tensor

    def __init__(self, scorer: Callable[[Tensor], Score]) -> None:
        self._scorer = scorer

    def score(self, outputs: Tensor) -> Score:
        self.outputs = outputs
        return self._scorer(outputs)

    def finish(self, run: Run, result: EpochResult) -> None:
        self.run = run


class _EpochBars:
    """One tqdm bar for each epoch, with the loss of the last step and the training accuracy so far."""

    def __init__(self) -> None:
        self._bar: Any = None  # tqdm is not annotated

    def __enter__(self) -> _EpochBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def step(self, step: TrainingStep) -> None:
        if self._bar is None:
            print(f"EPOCH: {step.epoch}")
            self._bar = tqdm(total=step.steps, file=sys.stdout, ascii=" #")
        if step.step % STEPS_PER_UPDATE == 0 or step.step == step.steps:
            accuracy = 100 * step.correct / step.images
            text = f"Loss={step.loss:.4f} Batch_id={step.step - 1} Accuracy={accuracy:.2f}"
            self._bar.set_description(text, refresh=False)
            self._bar.update(step.step - self._bar.n)

    def finish(self, result: EpochResult) -> None:
        self._close()
        print(log_line(result))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
