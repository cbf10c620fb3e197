"""Schedules that people use take few bytes, and rates that are stored take many."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

from course.inspection.prior_knowledge.hyperparameters import MAX_BYTES, described_bytes, hyperparameter_problems
from course.spec import Optimizer as OptimizerSpec
from course.spec import ParameterGroup, ScheduleColumn, ScheduleTable, Spec
from tests.support.networks import captured

STEPS = 7035  # 15 epochs of 469

USUAL = {
    "one cycle": lambda o: OneCycleLR(o, 0.1, total_steps=STEPS),
    "one cycle in three phases": lambda o: OneCycleLR(o, 0.1, total_steps=STEPS, three_phase=True),
    "cosine": lambda o: CosineAnnealingLR(o, STEPS),
    "warm restarts": lambda o: CosineAnnealingWarmRestarts(o, 100),
    "longer and longer restarts": lambda o: CosineAnnealingWarmRestarts(o, 100, T_mult=2),
    "exponential": lambda o: ExponentialLR(o, 0.9995),
    "polynomial": lambda o: PolynomialLR(o, STEPS, 0.9),
    "triangles": lambda o: CyclicLR(o, 0.01, 0.1, step_size_up=235),
    "short triangles that decay": lambda o: CyclicLR(o, 0.01, 0.1, step_size_up=50, mode="exp_range", gamma=0.9995),
    "steps": lambda o: StepLR(o, 30, 0.95),
    "a few steps": lambda o: MultiStepLR(o, [3000, 5000, 6500]),
    "warmup, then cosine": lambda o: SequentialLR(
        o, [LinearLR(o, 0.01, total_iters=500), CosineAnnealingLR(o, STEPS - 500)], [500]
    ),
    "inverse root": lambda o: LambdaLR(o, lambda t: min((t + 1) ** -0.5, (t + 1) * 400**-1.5)),
    "another value each epoch": lambda o: LambdaLR(o, lambda t: random.Random(t // 469).random()),
}


def usual_rates(make) -> list[float]:
    optimizer: Optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler: LRScheduler = make(optimizer)
    optimizer.step()
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    return rates


def with_rates(*columns: list) -> Spec:
    schedule = ScheduleTable(
        by="batch",
        columns=tuple(ScheduleColumn(group=0, option="lr", values=tuple(values)) for values in columns),
    )
    return captured("model1").model_copy(update={"schedule": schedule})


@pytest.mark.parametrize("name", USUAL)
def test_a_usual_schedule_takes_few_bytes(name):
    spec = with_rates(usual_rates(USUAL[name]))
    assert described_bytes(spec) < MAX_BYTES
    assert hyperparameter_problems(spec) == []


def test_a_column_that_is_another_one_in_other_units_costs_nothing():
    rates = usual_rates(USUAL["one cycle"])
    scaled = [0.01 + 3 * rate for rate in rates]
    assert described_bytes(with_rates(rates, scaled)) == described_bytes(with_rates(rates))


NOISE = random.Random(1)
STORED = {
    "any value at each step": [NOISE.random() for _ in range(STEPS)],
    "one digit at each step": [float(NOISE.randrange(10)) for _ in range(STEPS)],
    "one bit at each step of a longer run": [float(NOISE.random() < 0.5) for _ in range(14_000)],
    "digits below a cosine": [
        math.cos(math.pi * step / STEPS) + 1e-6 * NOISE.random() for step in range(STEPS)
    ],
    "pairs of betas": [(0.9, NOISE.random()) for _ in range(STEPS)],
    "a value at one step in five": [NOISE.random() if step % 5 == 0 else 0.0 for step in range(STEPS)],
}  # fmt: skip


@pytest.mark.parametrize("name", STORED)
def test_stored_rates_are_refused_with_the_limit_and_what_to_use(name):
    (problem,) = hyperparameter_problems(with_rates(STORED[name]))
    assert f"and {MAX_BYTES:,} are allowed" in problem and "OneCycleLR" in problem


def test_many_short_columns_add_up():
    noise = random.Random(2)
    columns = [[noise.random() for _ in range(15)] for _ in range(60)]
    assert described_bytes(with_rates(*columns)) > MAX_BYTES > described_bytes(with_rates(*columns[:10]))


def test_options_of_many_parameter_groups_are_bounded_and_equal_ones_cost_little():
    noise = random.Random(3)

    def with_groups(rates: list[float]) -> Spec:
        groups = tuple(ParameterGroup(params=(f"p{i}",), options={"lr": rate}) for i, rate in enumerate(rates))
        return captured("model1").model_copy(update={"optimizer": OptimizerSpec(name="SGD", groups=groups)})

    assert hyperparameter_problems(with_groups([0.1] * 500)) == []
    assert hyperparameter_problems(with_groups([noise.random() for _ in range(500)])) != []


def test_a_constant_and_an_empty_schedule_take_nothing():
    none = described_bytes(captured("model1").model_copy(update={"schedule": None}))
    assert described_bytes(with_rates([0.1] * STEPS)) == none == described_bytes(with_rates([]))
