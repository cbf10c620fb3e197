"""The rate-range test: a short run in which the learning rate climbs from far too low to far too high.

    found = rate_range(recipe)
    found.rates, found.losses       # step by step
    range_curve(found)              # course.plots

It shows between which rates a recipe learns at all, in less than an epoch's time. The recipe's own schedule is left
out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch.optim.lr_scheduler import LambdaLR

from course import data
from course.capture import capture
from course.errors import Diverged, UsageError
from course.inspection import inspect, raise_on_problems
from course.recipe import Recipe, steps_per_epoch
from course.training import devices
from course.training.data import TrainingData
from course.training.loop import MAX_LOSS, train
from course.training.scoring import Score

FEWEST_STEPS = 10
TEST_IMAGES = 10  # looked at once, at the end; nothing is made of them


@dataclass(frozen=True)
class RateRange:
    """`losses[i]` is the training loss of the batch that was stepped on with `rates[i]`.

    Both end where the loss stopped being a number to speak of. Where nothing was trained, `note` says why.
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
    threads: int = devices.DEFAULT_THREADS,
) -> RateRange:
    """Train `steps` steps from fresh weights, the rate growing by the same factor each time from `lowest` to `highest`.

    While nbgrader executes the notebook nothing is trained. Raises UsageError, and what `fit` raises but for Diverged.
    """
    most = steps_per_epoch(recipe.batch_size)
    if not 0 < lowest < highest < math.inf:
        raise UsageError(f"The rates go from {lowest:g} to {highest:g}; the first is above zero and below the second.")
    if not FEWEST_STEPS <= steps <= most:
        raise UsageError(f"{steps:,} steps were asked for, and {FEWEST_STEPS} to {most:,} can be made in one epoch.")
    chosen = devices.choose_device(device)
    if "NBGRADER_EXECUTION" in os.environ:
        return RateRange(note="Nothing is trained while nbgrader runs the notebook.")
    rates = [lowest * (highest / lowest) ** (step / (steps - 1)) for step in range(steps)]
    spec = capture(replace(recipe, epochs=1, scheduler=partial(_climb, rates), scheduler_step="batch"))
    raise_on_problems(inspect(spec))
    mnist = data.load()
    images = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
    losses: list[float] = []
    trained = train(
        spec,
        images.subset(steps * recipe.batch_size, TEST_IMAGES),
        seed=seed,
        device=chosen,
        threads=threads,
        score=lambda outputs: Score(loss=0.0, correct=0),
        on_step=lambda step: losses.append(step.loss),
    )
    try:
        list(trained)
    except Diverged:  # the highest rates are meant to
        losses = losses[: next(i for i, loss in enumerate(losses) if not abs(loss) <= MAX_LOSS)]
    return RateRange(tuple(rates[: len(losses)]), tuple(losses))


def smoothed(losses: Sequence[float], keep: float = 0.9) -> list[float]:
    """A running mean in which each step back counts `keep` times as much as the one after it."""
    means, total, weight = [], 0.0, 0.0
    for loss in losses:
        total, weight = keep * total + loss, keep * weight + 1
        means.append(total / weight)
    return means


def _climb(rates: Sequence[float], optimizer) -> LambdaLR:
    """Sets the first group's rate to `rates`, step by step; the others keep their proportion to it."""
    first = float(optimizer.param_groups[0]["lr"])
    if first <= 0:
        raise UsageError(f"The optimizer's learning rate is {first:g}, and the rate-range test needs one above zero.")
    return LambdaLR(optimizer, lambda step: rates[min(step, len(rates) - 1)] / first)
