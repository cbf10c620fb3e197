"""Where the time of a training step goes; and measuring it changes nothing."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD

from autograder.bench.step_profile import StepTimer, kernel_shares
from course import Recipe
from course.capture import capture
from course.training.data import TrainingData
from course.training.loop import Run


def net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2704, 10), nn.LogSoftmax(dim=1))


@pytest.fixture
def make_run():
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (400, 28, 28), generator=draws, dtype=torch.uint8)
    data = TrainingData(images, torch.arange(400) % 10, images[:10])
    spec = capture(Recipe(model=net, optimizer=partial(SGD, lr=0.05), epochs=1, batch_size=50))
    return lambda: Run(spec, data, 1, torch.device("cpu"))


def losses(run, steps=3):
    draws = torch.Generator().manual_seed(1)
    return [run.train_step(torch.arange(50), draws)[0].item() for _ in range(steps)]


def test_the_parts_of_a_step_are_timed_and_the_numbers_stay_the_same(make_run):
    run = make_run()
    timer = StepTimer(run)
    assert losses(run) == losses(make_run())
    shares = timer.shares(seconds=1000.0)
    assert set(shares) == {"transform", "network", "optimizer", "other"}
    assert all(share > 0 for share in shares.values()) and sum(shares.values()) == pytest.approx(1)
    timer.clear()
    assert timer.shares(1.0) == {"other": 1.0}


def test_the_kernels_are_those_that_take_the_most_time(make_run):
    kernels = kernel_shares(make_run(), repetitions=2, limit=5)
    shares = [share for _, share in kernels]
    assert len(shares) == 5 and shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1 and {"convolution", "weight_gradient"} <= dict(kernels).keys()
