"""What a trainer would refuse is found without it, and how long a run will take is estimated."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR
from torchvision.transforms import CenterCrop, Compose, Grayscale, PILToTensor, RandomPerspective, Resize, ToTensor

from course.capture import capture
from course.inspection.checks import inspect
from course.inspection.trials.training import PLAN_SHARE, transform_problems, try_training
from course.spec import Optimizer, Spec
from tests.support.networks import captured, recipe


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def spec_of(**options) -> Spec:
    return capture(recipe(linear, loss="cross_entropy", **options))


@pytest.mark.parametrize(
    "transforms",
    [[Resize(14), ToTensor()], [Grayscale(3), ToTensor()], [CenterCrop(20), ToTensor()], [PILToTensor()]],
)
def test_transforms_that_give_other_images_than_a_network_takes_are_a_problem(transforms):
    for name in ("train_transform", "test_transform"):
        spec = spec_of(**{name: Compose(transforms)})
        (sentence,) = transform_problems(spec)
        assert sentence.startswith(f"{name}: The transforms turn an image into")
        found = inspect(spec)
        assert found.problems == (sentence,) and found.counted == 7_850 and found.plan is None


def test_a_test_transform_that_draws_is_a_problem():
    spec = spec_of()
    random = spec_of(train_transform=Compose([RandomPerspective(), ToTensor()])).train_transform
    (sentence,) = transform_problems(spec.model_copy(update={"test_transform": random}))
    assert sentence.startswith("test_transform: it draws something at random")


def unlisted_optimizer(spec: Spec) -> dict:
    return {"optimizer": Optimizer(name="LBFGS", groups=spec.optimizer.groups)}


def one_epoch_more(spec: Spec) -> dict:
    return {"epochs": spec.epochs + 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (unlisted_optimizer, "The optimizer 'LBFGS' is not on the list"),
        (one_epoch_more, "The schedule has 7,035 values, and the run has 7,504 steps"),
    ],
)
def test_an_optimizer_or_schedule_that_cannot_be_built_is_a_problem(change, said):
    spec = spec_of(scheduler=partial(OneCycleLR, max_lr=0.1, total_steps=7035))
    assert try_training(spec).problems == ()
    changed = spec.model_copy(update=change(spec))
    assert try_training(changed).problems[0].startswith(said)
    assert inspect(changed).problems[0].startswith(said)


def test_a_step_that_fails_is_a_problem(monkeypatch):
    def step(self):
        raise RuntimeError("expected a tensor\nand more")

    spec = captured("model2")
    monkeypatch.setattr(SGD, "step", step)
    assert try_training(spec).problems == ("The first training step fails: expected a tensor.",)


def test_seconds_are_those_of_the_whole_run_by_the_faster_step():
    readings = iter([0.0, 9.0, 99.0, 100.0, 101.0, 104.0])  # a slow step, then 1 s of transforms and 3 s of network
    found = try_training(spec_of(epochs=2, batch_size=100), clock=lambda: next(readings))
    batches = 2 * 600
    assert found.transform_seconds == batches * 1.0
    assert found.seconds == pytest.approx(batches * (1.0 + 3.0 * PLAN_SHARE))
    assert found.slow_transform == ""


def test_a_transform_that_takes_one_image_after_the_other_is_named():
    slow = Compose([ToTensor(), RandomPerspective(0.2)])
    found = try_training(spec_of(train_transform=slow), clock=count().__next__)
    assert found.slow_transform == "RandomPerspective(distortion_scale=0.2)"


def test_a_trial_leaves_random_numbers_and_settings_as_they_were():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    try_training(captured("model2"))
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
