"""Remarks on rates, schedules and decay: each is made where it is true, and nowhere else."""

from __future__ import annotations

from functools import partial

import pytest
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim import lr_scheduler as lrs

from course.capture import capture
from course.inspection.advice.optimization import advice_on_optimization
from course.recipe import watching
from tests.support.networks import recipe

MOMENTUM = partial(SGD, lr=0.1, momentum=0.9)
EPOCHS, STEPS = 15, 15 * 469


def small() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 4), nn.BatchNorm1d(4), nn.Linear(4, 10))


def remarks_on(**options) -> list[str]:
    return [advice.text for advice in advice_on_optimization(capture(recipe(small, loss="cross_entropy", **options)))]


def norms_apart(named):
    named = list(named)
    norms = [parameter for name, parameter in named if name.startswith("2.")]
    others = [parameter for name, parameter in named if not name.startswith("2.")]
    return SGD([{"params": others, "weight_decay": 5e-3}, {"params": norms, "weight_decay": 0}], lr=0.1)


REMARKED = {  # options of the recipe, a part of the only remark
    "hot_adam": ({"optimizer": partial(Adam, lr=0.01)}, "Adam at a rate of 0.01 keeps taking large steps"),
    "decay_of_norms": (
        {"optimizer": partial(SGD, lr=0.1, weight_decay=5e-4)},
        "weight_decay=0.0005 also shrinks the scales of norms (2.weight and others), by about 30%",
    ),
    "decay_of_norms_by_adamw": (
        {"optimizer": partial(AdamW, lr=0.005, weight_decay=0.01)},
        "weight_decay=0.01 also shrinks",
    ),
    "wrong_way_round": (
        {"optimizer": MOMENTUM, "scheduler": partial(lrs.ReduceLROnPlateau, mode="max")},
        'mode="max" waits for train_loss to rise',
    ),
    "too_late": (
        {"optimizer": MOMENTUM, "scheduler": partial(lrs.MultiStepLR, milestones=[20])},
        "changes nothing within this run",
    ),
    "epochs_as_steps": (
        {"optimizer": MOMENTUM, "scheduler": partial(lrs.CosineAnnealingLR, T_max=EPOCHS), "scheduler_step": "batch"},
        'is its length meant in epochs? The run has 7,035 steps. Recipe(scheduler_step="epoch")',
    ),
    "epochs_as_steps_that_fall": (
        {"optimizer": MOMENTUM, "scheduler": partial(lrs.StepLR, step_size=6), "scheduler_step": "batch"},
        "From step 25 on the rate is below 0.1% of its highest",
    ),
    "steps_as_epochs": (
        {"optimizer": MOMENTUM, "scheduler": partial(lrs.CosineAnnealingLR, T_max=STEPS)},
        'changes by less than 2%: it is made for more epochs. The run has 15 epochs. Recipe(scheduler_step="batch")',
    ),
    "cycle_beyond_the_run": (
        {"optimizer": MOMENTUM, "scheduler": partial(lrs.OneCycleLR, max_lr=0.1, epochs=20, steps_per_epoch=469)},
        "The rate ends at 28% of its highest: the cycle is longer than the run. The run has 7,035 steps.",
    ),
    "wave_that_ends_before_the_run": (
        {"optimizer": MOMENTUM, "scheduler": partial(lrs.CosineAnnealingLR, T_max=5)},
        "The rate falls until epoch 6 and rises again",
    ),
}


@pytest.mark.parametrize("case", REMARKED)
def test_a_fault_gets_one_remark(case):
    options, words = REMARKED[case]
    (text,) = remarks_on(**options)
    assert words in text


FAULTLESS = {
    "plain": {"optimizer": MOMENTUM},
    "cool_adam": {"optimizer": Adam},
    "hot_adam_that_cools_down": {
        "optimizer": partial(Adam, lr=0.01),
        "scheduler": partial(lrs.OneCycleLR, max_lr=0.01, total_steps=STEPS),
    },
    "little_decay": {"optimizer": partial(SGD, lr=0.1, momentum=0.9, weight_decay=1e-4)},
    "decay_without_norms": {"optimizer": norms_apart},
    "plateau": {"optimizer": MOMENTUM, "scheduler": watching("train_loss", lrs.ReduceLROnPlateau)},
    "steps": {"optimizer": MOMENTUM, "scheduler": partial(lrs.StepLR, step_size=6)},
    "exponential": {"optimizer": MOMENTUM, "scheduler": partial(lrs.ExponentialLR, gamma=0.9)},
    "cosine": {"optimizer": MOMENTUM, "scheduler": partial(lrs.CosineAnnealingLR, T_max=EPOCHS)},
    "cosine_by_batch": {
        "optimizer": MOMENTUM,
        "scheduler": partial(lrs.CosineAnnealingLR, T_max=STEPS),
        "scheduler_step": "batch",
    },
    "one_cycle": {"optimizer": MOMENTUM, "scheduler": partial(lrs.OneCycleLR, max_lr=0.3, total_steps=STEPS)},
    "triangles": {
        "optimizer": MOMENTUM,
        "scheduler": partial(lrs.CyclicLR, base_lr=0.001, max_lr=0.1, step_size_up=469),
    },
    "warm_restarts": {"optimizer": MOMENTUM, "scheduler": partial(lrs.CosineAnnealingWarmRestarts, T_0=5)},
    "warm_up": {
        "optimizer": MOMENTUM,
        "scheduler": lambda optimizer: lrs.SequentialLR(
            optimizer,
            [lrs.LinearLR(optimizer, 0.1, total_iters=3), lrs.CosineAnnealingLR(optimizer, T_max=12)],
            milestones=[3],
        ),
    },
}


@pytest.mark.parametrize("case", FAULTLESS)
def test_without_a_fault_there_is_no_remark(case):
    assert remarks_on(**FAULTLESS[case]) == []
