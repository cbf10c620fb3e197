"""A network judges each image by itself in test mode, draws nothing and changes nothing."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.inspection import behaviour
from course.inspection.behaviour import behaviour_problems
from course.inspection.checks import inspect
from course.training.loop import EVAL_BATCH
from tests.support.honest_recipes import HONEST
from tests.support.networks import around, captured, recipe


class OverTheBatch(nn.Module):
    def forward(self, x):
        return x - x.mean(dim=0, keepdim=True)


class GateOverTheBatch(nn.Module):
    """Looks at its batch only once training has opened the gate."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.gate * x.mean(dim=0, keepdim=True)


class AlwaysRandom(nn.Module):
    def forward(self, x):
        return x + 0.1 * torch.randn_like(x)


class AlwaysDrops(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.5, training=True)


class Remembers(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        self.seen.add_(1.0)
        return x


PROBLEMS = {
    "batch_norm_without_statistics": (
        partial(nn.BatchNorm2d, 4, track_running_stats=False),
        "other images of its batch",
    ),
    "mean_over_the_batch": (OverTheBatch, "other images of its batch"),
    "gate_that_opens_in_training": (GateOverTheBatch, "other images of its batch"),
    "noise_at_test_time": (AlwaysRandom, "draws random numbers in test mode"),
    "dropout_at_test_time": (AlwaysDrops, "draws random numbers in test mode"),
    "memory_at_test_time": (Remembers, "changes 'body.1.seen' in test mode"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_network_that_does_not_judge_each_image_by_itself_is_named(case):
    layer, message = PROBLEMS[case]
    inspection = inspect(capture(recipe(lambda: around(layer()))))
    assert len(inspection.problems) == 1 and message in inspection.problems[0]


class OverDarkBatches(nn.Module):
    """Looks at its batch only where no pixel is darker than MNIST's background."""

    def forward(self, x):
        return x - (x.amin() > -1).float() * x.mean(dim=0, keepdim=True)


class OverBatchesOfTheGrader(nn.Module):
    """Computes something else in a batch as large as the grader's."""

    def forward(self, x):
        return x * (1 + x.size(0) // EVAL_BATCH)


class InTheSecondHalf(nn.Module):
    """Doubles what comes late in a batch."""

    def forward(self, x):
        return x * (1 + (torch.ones_like(x[:, :1, :1, :1]).cumsum(0) > 20).float())


@pytest.mark.parametrize("layer", [OverDarkBatches, OverBatchesOfTheGrader, InTheSecondHalf])
def test_the_whole_network_is_run_on_batches_as_the_graders(layer, monkeypatch):
    monkeypatch.setattr(behaviour, "dependence_problems", lambda network: [])
    given = recipe(lambda: nn.Sequential(layer(), around(nn.ReLU())))
    (problem,) = behaviour_problems(capture(given))
    assert "answer for an image depends on the other images of its batch (by " in problem


@pytest.mark.parametrize("name", ["functional_dropout_and_view", "random_relu", "batch_norm_without_affine"])
def test_layers_that_rest_in_test_mode_are_no_problem(name):
    assert behaviour_problems(captured(name)) == []


@pytest.mark.parametrize("name", ["rows_as_time_steps", "more_units_over_rows"])
def test_a_recurrent_network_that_magnifies_rounding_is_no_problem(name):
    assert behaviour_problems(capture(HONEST[name].build())) == []


def raw_scores() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def test_raw_scores_need_the_loss_that_is_made_for_them():
    (problem,) = inspect(capture(recipe(raw_scores))).problems
    assert "not log-probabilities" in problem and 'loss="cross_entropy"' in problem
    assert inspect(capture(recipe(raw_scores, loss="cross_entropy"))).problems == ()
