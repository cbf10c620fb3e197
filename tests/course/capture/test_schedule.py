"""Optimizers and schedules as plain data act exactly as the student's own objects do."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn, optim
from torch.optim import SGD, Adam
from torch.optim import lr_scheduler as lrs

from course.capture.schedule import capture_optimizer, capture_schedule
from course.data import steps_per_epoch
from course.errors import RecipeError
from course.recipe import METRICS, Recipe, watching
from course.spec import Optimizer, Plateau
from course.training.optimizers import OPTIMIZERS, build_optimizer
from course.training.schedule import Schedule
from tests.support.optimizers import weights
from tests.support.student_code import refusal_of

EPOCHS, BATCH_SIZE = 5, 8192
STEPS = steps_per_epoch(BATCH_SIZE)  # 8


def two_groups(cls, **options):
    """`cls` over two groups with rates of their own."""

    def build(named):
        named = dict(named)
        first = {"params": [("a", named["a"])]}
        second = {"params": [("b", named["b"]), ("c", named["c"])], "lr": 0.003}
        return cls([first, second], **options)

    return build


def sequential(optimizer):
    parts = [lrs.LinearLR(optimizer, 0.1, total_iters=2), lrs.ExponentialLR(optimizer, 0.7)]
    return lrs.SequentialLR(optimizer, parts, milestones=[2])


def chained(optimizer):
    return lrs.ChainedScheduler([lrs.ConstantLR(optimizer, 0.5, total_iters=3), lrs.ExponentialLR(optimizer, 0.9)])


def cosine_after_warmup(optimizer):
    parts = [lrs.LinearLR(optimizer, 0.01, total_iters=STEPS), lrs.CosineAnnealingLR(optimizer, EPOCHS * STEPS)]
    return lrs.SequentialLR(optimizer, parts, milestones=[STEPS])


TOTAL = EPOCHS * STEPS
CYCLIC = partial(lrs.CyclicLR, base_lr=0.001, max_lr=0.1, step_size_up=7)
SCHEDULES = {  # scheduler, optimizer, how it is stepped
    "lambda": (partial(lrs.LambdaLR, lr_lambda=lambda epoch: 0.95**epoch), SGD, "epoch"),
    "lambda_by_batch": (partial(lrs.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)), SGD, "batch"),
    "multiplicative": (partial(lrs.MultiplicativeLR, lr_lambda=lambda epoch: 0.9), SGD, "epoch"),
    "step": (partial(lrs.StepLR, step_size=2, gamma=0.3), SGD, "epoch"),
    "multi_step": (partial(lrs.MultiStepLR, milestones=[1, 3]), SGD, "epoch"),
    "constant": (partial(lrs.ConstantLR, factor=0.5, total_iters=2), SGD, "epoch"),
    "linear": (partial(lrs.LinearLR, start_factor=0.1, total_iters=4), SGD, "epoch"),
    "exponential": (partial(lrs.ExponentialLR, gamma=0.9), Adam, "epoch"),
    "polynomial": (partial(lrs.PolynomialLR, total_iters=4, power=2), SGD, "epoch"),
    "cosine": (partial(lrs.CosineAnnealingLR, T_max=EPOCHS, eta_min=1e-5), Adam, "epoch"),
    "warm_restarts": (partial(lrs.CosineAnnealingWarmRestarts, T_0=2), SGD, "epoch"),
    "warm_restarts_by_batch": (partial(lrs.CosineAnnealingWarmRestarts, T_0=5, T_mult=2), SGD, "batch"),
    "sequential": (sequential, SGD, "epoch"),
    "sequential_by_batch": (cosine_after_warmup, Adam, "batch"),
    "chained": (chained, SGD, "epoch"),
    "cyclic_with_momentum": (CYCLIC, partial(SGD, momentum=0.9), None),
    "cyclic_with_betas": (CYCLIC, Adam, None),
    "cyclic_rates_alone": (partial(CYCLIC, cycle_momentum=False, mode="exp_range", gamma=0.99), SGD, None),
    "one_cycle_with_momentum": (
        partial(lrs.OneCycleLR, max_lr=[0.1, 0.2], total_steps=TOTAL),
        partial(SGD, momentum=0.9),
        None,
    ),
    "one_cycle_with_betas": (partial(lrs.OneCycleLR, max_lr=0.1, epochs=EPOCHS, steps_per_epoch=STEPS), Adam, None),
    "one_cycle_in_three_phases": (
        partial(lrs.OneCycleLR, max_lr=0.1, total_steps=TOTAL, three_phase=True, cycle_momentum=False),
        SGD,
        None,
    ),
}


def given_recipe(scheduler, by, optimizer) -> Recipe:
    return Recipe(
        model=dict, optimizer=optimizer, scheduler=scheduler, scheduler_step=by, epochs=EPOCHS, batch_size=BATCH_SIZE
    )


def captured(given: Recipe):
    """The optimizer and the schedule as plain data."""
    named = weights()
    own = given.optimizer(iter(named.items()))
    optimizer = capture_optimizer(own, {id(p): n for n, p in named.items()})
    return optimizer, capture_schedule(given, own, optimizer)


def seen(optimizer) -> list[dict]:
    """What a step sees: every option of every group."""
    kept = ("lr", "momentum", "betas", "weight_decay")
    return [{k: group[k] for k in kept if k in group} for group in optimizer.param_groups]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_table_replays_what_a_loop_with_the_scheduler_itself_sees(name):
    scheduler, cls, by = SCHEDULES[name]
    given = given_recipe(scheduler, by, two_groups(cls, lr=0.01))
    plain_optimizer, table = captured(given)
    ours = build_optimizer(plain_optimizer, weights())
    schedule = Schedule(table, ours, {"epoch": EPOCHS, "batch": TOTAL})
    by = by or "batch"
    assert table.by == by
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # schedulers warn about their own ways of stepping
        own = given.optimizer(iter(weights().items()))
        stepped = given.scheduler(own)
        for step in range(TOTAL):
            schedule.before_step(step // STEPS, step)
            assert seen(ours) == seen(own)
            own.step()
            if step + 1 < TOTAL and (by == "batch" or (step + 1) % STEPS == 0):
                stepped.step()
    assert len({str(seen_once) for column in table.columns for seen_once in column.values}) > 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_follows_the_metric_it_watches_as_torch_does(metric, mode):
    options = {"mode": mode, "factor": 0.3, "patience": 1, "cooldown": 1, "min_lr": [1e-4, 1e-5], "threshold": 0.01}
    given = given_recipe(watching(metric, partial(lrs.ReduceLROnPlateau, **options)), None, two_groups(SGD, lr=0.1))
    plain_optimizer, plateau = captured(given)
    assert isinstance(plateau, Plateau) and plateau.metric == metric
    ours, own = build_optimizer(plain_optimizer, weights()), given.optimizer(weights().items())
    schedule, stepped = Schedule(plateau, ours, {"epoch": 99, "batch": 999}), given.scheduler(own)
    losses = [1.0, 0.8, 0.85, 0.9, 0.95, 0.9, 0.9, 0.7, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.77]
    for epoch, loss in enumerate(losses):
        schedule.before_step(epoch, epoch)
        schedule.after_epoch({m: (loss if m == metric else 123.0) for m in METRICS})
        stepped.step(loss)
        assert seen(ours) == seen(own)
    assert ours.param_groups[0]["lr"] < 0.1


def test_a_plateau_that_is_not_told_what_to_watch_watches_the_training_loss():
    _, plateau = captured(given_recipe(lrs.ReduceLROnPlateau, None, two_groups(SGD, lr=0.1)))
    assert plateau.metric == "train_loss"


def test_without_a_scheduler_nothing_changes():
    plain_optimizer, schedule = captured(given_recipe(None, None, two_groups(SGD, lr=0.1)))
    assert schedule is None
    ours = build_optimizer(plain_optimizer, weights())
    before = seen(ours)
    Schedule(None, ours, {"epoch": 1, "batch": 1}).before_step(0, 0)
    assert seen(ours) == before == [{"lr": 0.1, "momentum": 0, "weight_decay": 0}, before[1]]


OPTIONS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
    "Adam": {"lr": 0.01, "betas": (0.8, 0.99), "amsgrad": True},
    "AdamW": {"lr": 0.01, "weight_decay": 0.1},
    "RMSprop": {"centered": True, "momentum": 0.5},
    "Adagrad": {"initial_accumulator_value": 0.1, "lr_decay": 0.01},
    "Rprop": {"etas": (0.4, 1.3)},
    "Adamax": {"eps": np.float32(0.0)},
    "Adafactor": {"lr": 0.05},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rebuilt_optimizer_takes_the_same_steps_bit_for_bit(name):
    own_weights, our_weights = weights(), weights()
    own = getattr(optim, name)(own_weights.items(), **OPTIONS.get(name, {}))
    plain_optimizer = capture_optimizer(own, {id(p): n for n, p in own_weights.items()})
    plain_optimizer = Optimizer.model_validate_json(plain_optimizer.model_dump_json())
    ours = build_optimizer(plain_optimizer, our_weights)
    for step in range(3):
        for optimizer, tensors in ((own, own_weights), (ours, our_weights)):
            optimizer.zero_grad()
            sum((p * (i + step) + p**3).sum() for i, p in enumerate(tensors.values())).backward()
            optimizer.step()
        assert all(torch.equal(own_weights[n], our_weights[n]) for n in own_weights)
    assert not torch.equal(own_weights["a"], weights()["a"])


# ---- what a recipe may not ask for


def test_a_schedule_of_too_many_steps_is_refused():
    given = Recipe(
        model=dict, optimizer=dict, scheduler=partial(lrs.StepLR, step_size=1), scheduler_step="batch", batch_size=1
    )
    optimizer = SGD(weights().items())
    with pytest.raises(RecipeError, match="900,000 steps, and 400,000 are allowed"):
        capture_schedule(given, optimizer, None)


class MySGD(SGD):
    pass


class MyPlateau(lrs.ReduceLROnPlateau):
    pass


REFUSED = {  # options of the recipe, a part of the message
    "optimizer_subclass": ({"optimizer": partial(MySGD, lr=0.1)}, "MySGD"),
    "lbfgs": ({"optimizer": optim.LBFGS}, "LBFGS"),
    "foreign_parameter": ({"optimizer": lambda p: SGD([nn.Parameter(torch.zeros(3))])}, "(3,)"),
    "infinite_rate": ({"optimizer": partial(SGD, lr=float("inf"))}, "'lr' is inf"),
    "not_an_optimizer": ({"optimizer": list}, "builtins.list"),
    "schedule_too_short": (
        {"scheduler": partial(lrs.OneCycleLR, max_lr=0.1, total_steps=10), "epochs": 2, "batch_size": 8192},
        "The run has 16 steps: 2 epochs of steps_per_epoch(8192) = 8. Write total_steps=16 in place of 10.",
    ),
    "schedule_by_epoch_stepped_by_batch": (
        {"scheduler": partial(lrs.OneCycleLR, max_lr=0.1, total_steps=2), "epochs": 2, "batch_size": 8192},
        'Write total_steps=16, or Recipe(scheduler_step="epoch").',
    ),
    "schedule_that_fails": (
        {"scheduler": lambda optimizer: lrs.LambdaLR(optimizer, lambda step: [1.0, 0.5][step]), "epochs": 3},
        "LambdaLR stops at step 2 of 3, stepped by epoch: list index out of range. The run has 3 epochs.",
    ),
    "plateau_subclass": ({"scheduler": MyPlateau}, "subclass of ReduceLROnPlateau"),
    "plateau_by_batch": ({"scheduler": lrs.ReduceLROnPlateau, "scheduler_step": "batch"}, "once an epoch"),
    "not_a_scheduler": ({"scheduler": lambda optimizer: 3}, "no step()"),
    "watching_without_plateau": ({"scheduler": watching("train_loss", partial(lrs.StepLR, step_size=1))}, "StepLR"),
    "pair_of_three": ({"optimizer": lambda p: with_option(SGD(p), "lr", (0.1, 0.2, 0.3))}, "'lr' has 3 numbers"),
    "three_betas": ({"optimizer": partial(Adam, betas=(0.9, 0.99, 0.999))}, "a pair of numbers is needed"),
    "too_large": ({"optimizer": partial(SGD, lr=10**400)}, "'lr' is too large; a finite number is needed"),
    "word_for_a_number": ({"optimizer": lambda p: with_option(SGD(p), "lr", "fast")}, "'lr' is str; a number is"),
}


def with_option(optimizer, option, value):
    optimizer.param_groups[0][option] = value
    return optimizer


@pytest.mark.parametrize("case", REFUSED)
def test_an_optimizer_or_scheduler_that_cannot_be_captured_is_refused(case):
    options, message = REFUSED[case]
    error = refusal_of(**options)
    assert message in str(error) and error.line is None
