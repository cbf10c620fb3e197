"""The rate-range test: a short run in which the learning rate grows from far too low to far too high.

    result = rate_range(recipe)
    result.rates, result.losses     # step by step
    range_curve(result)             # course.plots

It shows between which rates a recipe learns at all, in less than an epoch's time. The recipe's own schedule is left
out. The method is that of L. N. Smith, "Cyclical learning rates for training neural networks" (2017).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from course import data
from course.capture import capture
from course.errors import Diverged, OutputsNotFinite, UsageError
from course.inspection.checks import inspect
from course.inspection.record import raise_on_problems
from course.notebook.validation import MAX_SEED, MAX_THREADS, positive_number, usable_device, whole_number
from course.recipe import Recipe, require_recipe
from course.training.data import TrainingData
from course.training.hardware import usable_cores
from course.training.loop import train
from course.training.scoring import MAX_LOSS, Score

MIN_STEPS = 10
TEST_IMAGES = 10  # the training loop asks for some; they are not scored


@dataclass(frozen=True)
class RateRange:
    """`losses[i]` is the training loss of the batch whose step was made with `rates[i]`.

    Both end before the first loss that counts as divergence. Where nothing was trained, `note` says why.
    """

    rates: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    note: str = ""


def rate_range(
    recipe: Recipe,
    lowest: float = 1e-4,
    highest: float = 10.0,
    steps: int = 300,
    seed: int = 1,
    device: str = "auto",
    *,
    threads: int | None = None,
) -> RateRange:
    """Train `steps` steps from new weights, with rates from `lowest` to `highest` in a geometric sequence.

    While nbgrader executes the notebook nothing is trained. Raises UsageError for an argument that cannot be used,
    RecipeError, StudentCodeError, DataError.
    """
    recipe = require_recipe(recipe)
    rates = _geometric_sequence(lowest, highest, _valid_steps(steps, recipe.batch_size))
    seed = whole_number("rate_range(seed=...)", seed, 0, MAX_SEED)
    threads = usable_cores() if threads is None else whole_number("rate_range(threads=...)", threads, 1, MAX_THREADS)
    chosen_device = usable_device(device)
    if "NBGRADER_EXECUTION" in os.environ:
        return RateRange(note="Nothing is trained while nbgrader runs the notebook.")
    spec = capture(replace(recipe, epochs=1, scheduler=partial(_scheduler, rates), scheduler_step="batch"))
    raise_on_problems(inspect(spec))
    mnist = data.load()
    images = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
    losses: list[float] = []
    training = train(
        spec,
        images.subset(len(rates) * recipe.batch_size, TEST_IMAGES),
        seed=seed,
        device=chosen_device,
        threads=threads,
        score=lambda outputs: Score(loss=0.0, correct=0),
        on_step=lambda step: losses.append(step.loss),
    )
    try:
        list(training)
    except (Diverged, OutputsNotFinite):  # the highest rates are meant to
        first = (i for i, loss in enumerate(losses) if not abs(loss) <= MAX_LOSS)  # NaN compares false
        losses = losses[: next(first, len(losses))]
    return RateRange(tuple(rates[: len(losses)]), tuple(losses))


def running_mean(losses: Sequence[float], decay: float = 0.9) -> list[float]:
    """The mean of the losses so far, in which each step back counts `decay` times as much as the one after it."""
    means, total, weight = [], 0.0, 0.0
    for loss in losses:
        total, weight = decay * total + loss, decay * weight + 1
        means.append(total / weight)
    return means


def _valid_steps(steps: int, batch_size: int) -> int:
    most = data.steps_per_epoch(batch_size)
    if most < MIN_STEPS:
        raise UsageError(
            f"The rate-range test needs {MIN_STEPS} steps in an epoch, and batch_size={batch_size:,} makes {most}: "
            f"lower the batch size."
        )
    advice = f"An epoch has {most:,} steps at batch_size={batch_size:,}."
    return whole_number("rate_range(steps=...)", steps, MIN_STEPS, most, advice)


def _geometric_sequence(lowest: float, highest: float, steps: int) -> list[float]:
    lowest = positive_number("rate_range(lowest=...)", lowest)
    highest = positive_number("rate_range(highest=...)", highest)
    if lowest >= highest:
        raise UsageError(f"rate_range(lowest={lowest:g}, highest={highest:g}): lowest must be below highest.")
    return [lowest * (highest / lowest) ** (step / (steps - 1)) for step in range(steps)]


def _scheduler(rates: Sequence[float], optimizer: Optimizer) -> LambdaLR:
    """Sets the first group's rate to `rates`, step by step; the others keep their proportion to it."""
    initial_rate = float(optimizer.param_groups[0]["lr"])
    if initial_rate <= 0:
        raise UsageError(
            f"The optimizer's learning rate is {initial_rate:g}, and the rate-range test needs one above zero."
        )
    return LambdaLR(optimizer, lambda step: rates[min(step, len(rates) - 1)] / initial_rate)
