"""The training is told as it was understood: what differs from the usual, and no more."""

from __future__ import annotations

from functools import partial

import pytest
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LambdaLR, MultiStepLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torchvision.transforms import Compose, RandomRotation, ToTensor

from course.capture import capture
from course.inspection.plan import MAX_RATES, training_plan
from course.inspection.record import TrainingPlan
from course.recipe import watching
from tests.support.networks import recipe


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def plan_of(**options) -> TrainingPlan:
    return training_plan(capture(recipe(linear, loss="cross_entropy", **options)), "")


def test_transforms_loss_and_steps_are_told():
    plan = plan_of(train_transform=Compose([RandomRotation(7), ToTensor()]), batch_size=64)
    assert plan.train_transform == "RandomRotation(±7°), ToTensor"
    assert plan.test_transform == "ToTensor, Normalize(0.1307, 0.3081)"
    assert (plan.loss, plan.steps_per_epoch, plan.slow_transform) == ("cross_entropy", 938, "")


def two_groups(named):
    weight, bias = (parameter for _, parameter in named)
    return SGD([{"params": [weight], "weight_decay": 0.1}, {"params": [bias], "lr": 0.5}], lr=0.01)


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (partial(SGD, lr=0.1), "SGD(lr=0.1)"),
        (partial(SGD, lr=0.01, momentum=0.9, nesterov=True), "SGD(lr=0.01, momentum=0.9, nesterov=True)"),
        (Adam, "Adam(lr=0.001)"),
        (partial(Adam, lr=0.01, betas=(0.8, 0.99)), "Adam(lr=0.01, betas=(0.8, 0.99))"),
        (two_groups, "SGD with 2 groups of parameters: lr=0.01, weight_decay=0.1 for 1 tensor; lr=0.5 for 1 tensor"),
    ],
)
def test_an_optimizer_is_told_by_its_rate_and_what_is_not_as_usual(optimizer, said):
    assert plan_of(optimizer=optimizer).optimizer == said


SCHEDULES = {
    "none": (None, "none: the learning rate stays as it is"),
    "by_epoch": (partial(StepLR, step_size=5), "set at each epoch: lr from 0.1 to 0.001"),
    "too_late": (partial(MultiStepLR, milestones=[20]), "one that changes nothing in this run"),
    "bare_plateau": (
        partial(ReduceLROnPlateau, patience=2),
        "ReduceLROnPlateau: the learning rate times 0.1 when train_loss has not fallen for 3 epochs",
    ),
    "plateau_the_wrong_way_round": (
        watching("validation_loss", partial(ReduceLROnPlateau, mode="max", patience=0, factor=0.5)),
        "ReduceLROnPlateau: the learning rate times 0.5 when validation_loss has not risen for 1 epoch",
    ),
    "up_and_down": (
        partial(OneCycleLR, max_lr=0.4, total_steps=7035, cycle_momentum=False),
        "set at each step: lr from 0.016 to 1.6e-06, highest 0.4 after 30% of the run",
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_told_by_what_it_does(name):
    scheduler, said = SCHEDULES[name]
    assert plan_of(optimizer=partial(SGD, lr=0.1), scheduler=scheduler).schedule == said


def test_rates_are_those_along_the_run_at_most_three_for_each_of_15_epochs():
    by_epoch = plan_of(optimizer=partial(SGD, lr=0.1), scheduler=partial(StepLR, step_size=5)).rates
    assert by_epoch == pytest.approx([0.1] * 5 + [0.01] * 5 + [0.001] * 5)
    falling = partial(LambdaLR, lr_lambda=lambda step: 1 - step / 7035)
    by_batch = plan_of(optimizer=partial(SGD, lr=1.0), scheduler=falling, scheduler_step="batch").rates
    assert len(by_batch) == MAX_RATES and by_batch[0] == 1.0 and by_batch[-1] == pytest.approx(1 / 7035)
    assert plan_of().rates == ()


def test_where_images_are_held_out_an_epoch_has_fewer_steps():
    assert plan_of(scheduler=watching("validation_loss", ReduceLROnPlateau)).steps_per_epoch == 430
