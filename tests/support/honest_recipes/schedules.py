"""Schedules: those of torch.optim.lr_scheduler, sequences of them, lambdas, and a student's own class."""

from __future__ import annotations

import math
from functools import partial

from torch import optim
from torch.optim import lr_scheduler

from course.data import steps_per_epoch
from course.recipe import watching
from tests.support.honest_recipes.building import with_options

EPOCHS, STEPS = 15, 15 * steps_per_epoch(128)


class WarmUpThenCosine(lr_scheduler.LRScheduler):
    def __init__(self, optimizer, warm_up=2, total=EPOCHS):
        self.warm_up, self.total = warm_up, total
        super().__init__(optimizer)

    def get_lr(self):
        if self.last_epoch < self.warm_up:
            return [rate * (self.last_epoch + 1) / (self.warm_up + 1) for rate in self.base_lrs]
        progress = (self.last_epoch - self.warm_up) / (self.total - self.warm_up)
        return [rate * 0.5 * (1 + math.cos(math.pi * progress)) for rate in self.base_lrs]


class PlainObject:
    """No subclass of PyTorch's: anything with step() will do."""

    def __init__(self, optimizer):
        self.optimizer, self.epoch = optimizer, 0

    def step(self):
        self.epoch += 1
        for group in self.optimizer.param_groups:
            group["lr"] = 0.05 / (1 + 0.3 * self.epoch)
            group["momentum"] = min(0.95, 0.85 + 0.01 * self.epoch)


def one_cycle(optimizer):
    return lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, epochs=EPOCHS, steps_per_epoch=steps_per_epoch(128))


def warm_up_then_cosine(optimizer):
    return lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=3),
            lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS - 3),
        ],
        milestones=[3],
    )


def chained(optimizer):
    return lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2), lr_scheduler.ExponentialLR(optimizer, 0.9)]
    )


def lambda_for_each_group(optimizer):
    return lr_scheduler.LambdaLR(optimizer, [lambda epoch: 0.9**epoch, lambda epoch: 1.0])


def two_groups(named):
    parameters = [parameter for _, parameter in named]
    return optim.SGD([{"params": parameters[:2]}, {"params": parameters[2:]}], lr=0.05, momentum=0.9)


def cosine_by_hand(step):
    return 0.5 * (1 + math.cos(math.pi * step / STEPS))


SCHEDULES = {
    "step": {"scheduler": partial(lr_scheduler.StepLR, step_size=5, gamma=0.3)},
    "multi_step": {"scheduler": partial(lr_scheduler.MultiStepLR, milestones=[6, 10, 13])},
    "constant": {"scheduler": partial(lr_scheduler.ConstantLR, factor=0.5, total_iters=4)},
    "linear": {"scheduler": partial(lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.01, total_iters=EPOCHS)},
    "exponential": {"scheduler": partial(lr_scheduler.ExponentialLR, gamma=0.85)},
    "polynomial": {"scheduler": partial(lr_scheduler.PolynomialLR, total_iters=EPOCHS, power=2)},
    "cosine": {"scheduler": partial(lr_scheduler.CosineAnnealingLR, T_max=EPOCHS)},
    "cosine_by_batch": {"scheduler": partial(lr_scheduler.CosineAnnealingLR, T_max=STEPS), "scheduler_step": "batch"},
    "warm_restarts": {"scheduler": partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=5, T_mult=2)},
    "one_cycle": {"scheduler": one_cycle},
    "one_cycle_in_total_steps": {
        "scheduler": partial(lr_scheduler.OneCycleLR, max_lr=0.2, total_steps=STEPS, pct_start=0.2, three_phase=True)
    },
    "one_cycle_for_adam": {"optimizer": optim.Adam, "scheduler": one_cycle},
    "one_cycle_for_two_groups": {"optimizer": two_groups, "scheduler": one_cycle},
    "one_cycle_for_two_groups_and_small_batches": {
        "optimizer": two_groups,
        "scheduler": partial(lr_scheduler.OneCycleLR, max_lr=0.1, epochs=EPOCHS, steps_per_epoch=steps_per_epoch(16)),
        "batch_size": 16,
    },
    "cyclic": {
        "scheduler": partial(lr_scheduler.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=1000, mode="exp_range")
    },
    "cyclic_triangular": {"scheduler": partial(lr_scheduler.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=469)},
    "lambda": {"scheduler": partial(lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 1 / (1 + epoch))},
    "lambda_by_batch": {
        "scheduler": partial(lr_scheduler.LambdaLR, lr_lambda=cosine_by_hand),
        "scheduler_step": "batch",
    },
    "lambda_for_each_group": {"optimizer": two_groups, "scheduler": lambda_for_each_group},
    "multiplicative": {"scheduler": partial(lr_scheduler.MultiplicativeLR, lr_lambda=lambda epoch: 0.95)},
    "sequential": {"scheduler": warm_up_then_cosine},
    "chained": {"scheduler": chained},
    "own_subclass": {"scheduler": WarmUpThenCosine},
    "own_class": {"scheduler": PlainObject},
    "plateau": {"scheduler": partial(lr_scheduler.ReduceLROnPlateau, patience=1, factor=0.3)},
    "plateau_on_validation": {
        "scheduler": watching("validation_loss", partial(lr_scheduler.ReduceLROnPlateau, patience=2, min_lr=1e-4))
    },
}
OPTIONS = {
    "large_batches": {"batch_size": 512},
    "small_batches": {"batch_size": 32},
    "few_epochs": {"epochs": 5},
}
SCHEDULE_RECIPES = {
    **{f"schedule_{name}": with_options(**options) for name, options in SCHEDULES.items()},
    **{name: with_options(**options) for name, options in OPTIONS.items()},
}
