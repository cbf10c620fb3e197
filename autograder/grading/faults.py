"""Whose fault it is when a grading breaks: found by grading a small recipe of ours in the same way, at once.

A submission that breaks our processes must not be able to keep the verdict of an earlier one: `internal`, which leaves
it in place, is for faults that happen with our own recipe too: those of this machine, which cost nobody a point.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.console import printable
from autograder.grading.options import Options, ReducedRun
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.training_run import TrainingSetup, train_once
from autograder.store.checkpoints import Checkpoint
from autograder.store.records import Result, RunRecord
from autograder.workers.client import WorkerPool
from autograder.workers.messages import Progress, RunStarted
from course.errors import CourseError
from course.inspection.record import raise_on_problems
from course.training.results import EpochResult

REFERENCE = """\
from functools import partial
from torch import nn
from torch.optim import SGD
from course import Recipe

def Net():
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1), nn.Flatten(),
        nn.Linear(64, 10), nn.LogSoftmax(dim=1),
    )

recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.1, momentum=0.9), epochs=1)
"""
REFERENCE_RUN = ReducedRun(epochs=1, train_images=640, test_images=500)
TRY_TO_FIND_OUT = "the grading broke: finding out whether a small recipe of the grader's own breaks as well"


@dataclass(frozen=True)
class Settled:
    """A result that is to be recorded. `fault` is what broke, for a person to look at; empty if nothing did."""

    result: Result
    fault: str = ""


def settle_fault(broken: Result, grade_again: Callable[[], Result], find_problem: Callable[[], str]) -> Settled:
    """The verdict on a submission whose grading broke.

    `find_problem` says what breaks with our own recipe. If nothing does, the submission is graded once more, because
    the fault may have passed.
    """
    fault = " ".join(broken.reasons)
    problem = find_problem()
    if not problem:
        again = grade_again()
        if again.verdict != "internal":
            return Settled(again)
        sentence = (
            f"The grader broke on this recipe, and broke again when it tried once more: {fault} A small recipe of the "
            "grader's own was graded on the same machine in between, so the cause is probably in this one. Replace "
            "what is unusual in it and hand in again. Your instructor should look at this: it is noted for them."
        )
        return Settled(replace(again, verdict="error", reasons=(printable(sentence),)), fault)
    sentence = f"A small recipe of the grader's own breaks on this machine as well: {problem}"
    return Settled(replace(broken, reasons=(*broken.reasons, printable(sentence))), fault)


def reference_problem(
    options: Options, recipe_sandbox: RecipeSandbox, workers: WorkerPool | None, *, trains: bool
) -> str:
    """What breaks when our own recipe is captured, inspected and, if `trains`, trained; empty if nothing does."""
    try:
        spec = recipe_sandbox.capture(REFERENCE)
        raise_on_problems(recipe_sandbox.inspect(spec))
        if trains:
            small = replace(options, reduced=REFERENCE_RUN)
            setup = TrainingSetup(small, recipe_sandbox.tier, _Unheard(), workers or WorkerPool(), options.data_set)
            train_once(setup, spec, seed=1, checkpoints=_NothingKept())
    except Exception as error:  # whatever it is, it is not the submission's
        return describe_fault(error)
    return ""


def describe_fault(error: Exception) -> str:
    """The sentence of an error that was raised on purpose; for a bug, what it is and where."""
    if isinstance(error, CourseError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}: {error}."


class _Unheard:
    """A listener that nobody listens to."""

    def stage(self, text: str) -> None: ...

    def run_started(self, number: int, seed: int, started: RunStarted) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def epoch(self, result: EpochResult) -> None: ...


class _NothingKept:
    """Checkpoints of a run that nobody goes on with."""

    def load(self) -> Checkpoint:
        return Checkpoint()

    def save(self, result: EpochResult, state: bytes) -> None: ...

    def finish(self, record: RunRecord) -> None: ...
