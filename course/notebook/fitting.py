"""What a lesson calls: `fit` trains a recipe in the notebook exactly as the grader would; `inspect` shows its numbers.

    history = fit(recipe, seed=1)
    history.epochs[-1].correct      # of 10,000
    history.model                   # the student's own model, with the trained weights

The log keeps the form in which such logs are usually handed around: EPOCH, a bar, the line of the test set.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Any

import torch
from tqdm import tqdm

from course import data
from course.capture import capture
from course.capture.init_program import initialise_lazy_layers
from course.errors import CourseError
from course.inspection import Inspection, raise_on_problems
from course.inspection import inspect as inspect_spec
from course.recipe import Recipe
from course.spec import Spec
from course.training import devices
from course.training.data import TrainingData
from course.training.loop import Run, train
from course.training.results import EpochResult, TrainingStep
from course.training.scoring import Score, Scorer

BAR_EVERY = 20  # steps between two looks at the device


@dataclass(frozen=True)
class History:
    """One training in a notebook. `model` is the student's own class with the trained weights, in eval mode.

    `outputs` is what the network answered to the test images after the last epoch, (N, 10) float32. Where nothing was
    trained, `epochs` is empty and `note` says why.
    """

    seed: int
    device: str
    threads: int
    inspection: Inspection | None
    epochs: tuple[EpochResult, ...] = ()
    model: Any = field(default=None, repr=False)
    outputs: torch.Tensor | None = field(default=None, repr=False, compare=False)
    note: str = ""

    @property
    def correct(self) -> list[int]:
        """Right answers on the test set, epoch by epoch."""
        return [epoch.correct for epoch in self.epochs]


def fit(
    recipe: Recipe,
    seed: int = 1,
    device: str = "auto",
    *,
    threads: int = devices.DEFAULT_THREADS,
    epochs: int | None = None,
) -> History:
    """Capture, inspect and train a recipe; one bar an epoch and, after it, the line of its log.

    `epochs` stops the run early; its schedule stays that of the whole recipe. While nbgrader executes the notebook
    nothing is trained: the grader trains the recipe itself. Raises RecipeError, StudentCodeError, Diverged, DataError.
    """
    chosen = devices.choose_device(device)
    if "NBGRADER_EXECUTION" in os.environ:
        note = "Nothing is trained while nbgrader runs the notebook: the grader trains the recipe itself."
        print(note)
        return History(seed, chosen.type, threads, None, note=note)
    spec = capture(recipe)
    inspection = inspect_spec(spec)
    raise_on_problems(inspection)
    if epochs is not None:
        spec = spec.model_copy(update={"epochs": min(epochs, spec.epochs)})
    mnist = data.load()
    images = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
    print(f"{inspection.counted:,} parameters counted; seed {seed} on {chosen.type}")
    bars = _Bars()
    scorer = Scorer(mnist.test.labels, spec.loss)
    runs: list[Run] = []
    outputs: list[torch.Tensor] = []  # of the last epoch
    results = []

    def score(now: torch.Tensor) -> Score:
        outputs[:] = [now]
        return scorer(now)

    trained = train(
        spec,
        images,
        seed=seed,
        device=chosen,
        threads=threads,
        score=score,
        on_step=bars.step,
        on_epoch=lambda run, _: runs.append(run) if not runs else None,
    )
    with bars:
        for result in trained:
            results.append(result)
            bars.finish(result)
    model = _trained_model(recipe, runs[-1], spec)
    return History(seed, chosen.type, threads, inspection, tuple(results), model, outputs[-1])


def inspect(recipe: Recipe) -> Inspection:
    """Capture a recipe and print what needs no training. Raises RecipeError, StudentCodeError."""
    found = inspect_spec(capture(recipe))
    print(f"{found.counted:,} parameters counted: {found.describe_count()}")
    print(f"receptive field: {found.receptive_field} px; one step: {found.work.flops / 1e9:.2f} GFLOP")
    for sentence in (*found.leaks, *found.problems):
        print(f"- {sentence}")
    return found


def log_line(result: EpochResult) -> str:
    """`Test set: Average loss: 0.0159, Accuracy: 9944/10000 (99.44%)`"""
    return (
        f"Test set: Average loss: {result.test_loss:.4f}, "
        f"Accuracy: {result.correct}/{result.test_total} ({result.accuracy:.2%})"
    )


class _Bars:
    """One tqdm bar an epoch, with the loss and training accuracy so far."""

    def __init__(self):
        self._bar: tqdm | None = None

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, step: TrainingStep) -> None:
        if self._bar is None:
            print(f"EPOCH: {step.epoch}")
            self._bar = tqdm(total=step.steps, file=sys.stdout, ascii=" #")
            self._seen = 0
        if step.step % BAR_EVERY == 0 or step.step == step.steps:
            accuracy = 100 * step.correct / step.images
            text = f"Loss={step.loss:.4f} Batch_id={step.step - 1} Accuracy={accuracy:.2f}"
            self._bar.set_description(text, refresh=False)
            self._bar.update(step.step - self._bar.n)

    def finish(self, result: EpochResult) -> None:
        self._bar.close()
        self._bar = None
        print(log_line(result))


def _trained_model(recipe: Recipe, run: Run, spec: Spec) -> Any:
    """A fresh model of the student's with the trained weights; what it has beside them stays as it was built."""
    model = recipe.model()
    initialise_lazy_layers(model)
    state = {n: t.cpu() for n, t in run.network.state().items() if n in model.state_dict()}
    missing = model.load_state_dict(state, strict=False).missing_keys
    left = [n for n in missing if not n.endswith("num_batches_tracked")]
    if left and not _shared(model, left):
        raise CourseError(f"The trained weights have no value for {left[0]!r}.")
    return model.eval()


def _shared(model: torch.nn.Module, names: list[str]) -> bool:
    """Do these names belong to tensors that go by another name as well?"""
    first = {id(t): n for n, t in model.named_parameters()}
    everything = dict(model.named_parameters(remove_duplicate=False))
    return all(n in everything and first[id(everything[n])] != n for n in names)
