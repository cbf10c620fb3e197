"""A value that takes part in the answer in one mode alone is found, whatever closes its path in the other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.inspection.modes.graphs import mode_problems
from course.inspection.modes.switches import switch_problems
from tests.support.networks import around, captured, middle, recipe

IN_TEST_MODE = "takes part in the answer in test mode, and hardly in training"
IN_TRAINING = "takes part in the answer in training, and hardly in test mode"


def convolution():
    return nn.Conv2d(4, 4, 3, padding=1)


def training(self):
    """1 in training and 0 in test mode."""
    return (F.dropout(torch.ones(1), 0.5, self.training) - 1).abs()


def rearranged(self, x):
    positive, other = torch.sigmoid(x), F.relu(self.other(x))
    dropped = (F.dropout(positive, 0.5, self.training) * other / positive - other).abs()
    return torch.einsum("knchw,k->nchw", torch.stack([other, dropped, self.one(x)]), torch.tensor([1.0, -1, 1]))


def some_channels(self, x):
    open_in_test_mode = torch.cat([torch.ones(3), (1 - training(self)).expand(1)]).view(1, 4, 1, 1)
    return self.one(self.other(x) * open_in_test_mode)


def attention(self, x):
    ones = torch.ones(1, 8, 4)
    dropped = F.scaled_dot_product_attention(
        torch.ones(1, 1000, 4), ones, ones, dropout_p=0.5 if self.training else 0.0
    )
    return self.one(x) + dropped.amin().clamp(0, 1).floor() * self.other(x)


def spread_of_dropped_values(self, x):
    spread = self.norm(F.dropout(F.layer_norm(x, (13, 13)), 0.5, self.training)).square().mean((1, 2, 3), keepdim=True)
    return torch.where(spread > 0.8, self.one(x), self.other(x))


def normalised_constant(self, x):
    constant = self.norm(torch.ones(2, 4, 3, 3))  # 0 in training, what is left of the first statistics in test mode
    return self.one(x) + (1e3 * constant.abs().mean()).clamp(0, 1) * self.other(x)


SWITCHES = {
    "two_branches": (lambda self, x: training(self) * self.one(x) + (1 - training(self)) * self.other(x), ""),
    "branch_in_test_mode": (lambda self, x: self.one(x) + (1 - training(self)) * self.other(x), IN_TEST_MODE),
    "branch_in_training": (lambda self, x: self.one(x) + training(self) * self.other(x), IN_TRAINING),
    "same_layer_again": (lambda self, x: self.one(x) + (1 - training(self)) * self.one(x.flip(3)), IN_TEST_MODE),
    "without_gradients": (lambda self, x: self.one(x) + ((1 - training(self)) * self.other(x)).detach(), IN_TEST_MODE),
    "rounded": (lambda self, x: self.one(x) + (1 - training(self)) * (64 * self.other(x)).round() / 64, IN_TEST_MODE),
    "not_quite_closed": (lambda self, x: self.one(x) + (1 - 0.99 * training(self)) * self.other(x), IN_TEST_MODE),
    "opposite": (lambda self, x: self.one(x) + (1 - 2 * training(self)) * self.other(x), "opposite effect"),
    "closed_gate": (
        lambda self, x: self.one(x) + torch.relu(self.gate) * (1 - training(self)) * self.other(x),
        IN_TEST_MODE,
    ),
    "chosen": (lambda self, x: torch.where(training(self) > 0.5, self.one(x), self.other(x)), ""),
    "largest": (lambda self, x: torch.maximum(self.one(x) - 1e4 * training(self), self.other(x)), IN_TEST_MODE),
    "rearranged": (rearranged, IN_TEST_MODE),
    "some_channels": (some_channels, IN_TEST_MODE),
    "attention": (attention, IN_TEST_MODE),
    "spread_of_dropped_values": (spread_of_dropped_values, ""),
    "constant_normalised": (normalised_constant, IN_TEST_MODE),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_between_the_modes_is_found(name):
    forward, reason = SWITCHES[name]
    network = middle(
        forward,
        one=convolution,
        other=convolution,
        norm=lambda: nn.BatchNorm2d(4, affine=False, momentum=0.001),
        gate=lambda: nn.Parameter(torch.full((1,), -5.0)),
    )
    spec = capture(network)
    assert mode_problems(spec.network) == []
    (problem,) = switch_problems(spec)
    assert reason in problem
    assert "chooses what the network computes" in problem


def test_an_instance_norm_that_is_a_switch_is_named_with_what_to_write_instead():
    def problems(norm):
        return switch_problems(capture(recipe(lambda: around(nn.Conv2d(4, 4, 3), norm(4), nn.AdaptiveAvgPool2d(1)))))

    (problem,) = problems(lambda channels: nn.InstanceNorm2d(channels, track_running_stats=True))
    assert "nn.InstanceNorm2d(track_running_stats=True)" in problem and "Use nn.BatchNorm2d" in problem
    assert problems(nn.BatchNorm2d) == []


def dropped_weights(self, x):
    return F.conv2d(x, F.dropout(self.one.weight, 0.8, self.training), self.one.bias, padding=1)


def seldom_used_layer(self, x):
    y = self.one(x)
    if self.training:
        y = y * (torch.empty(1, 1, 1, 1).bernoulli_(0.2) / 0.2)  # the same for the whole batch
    return x + y


HONEST = {
    "dropout": lambda: middle(lambda self, x: self.one(F.dropout(x, 0.9, self.training)), one=convolution),
    "dropped_channels": lambda: middle(lambda self, x: self.one(F.dropout2d(x, 0.5, self.training)), one=convolution),
    "dropped_weights": lambda: middle(dropped_weights, one=convolution),
    "seldom_used_layer": lambda: middle(seldom_used_layer, one=convolution),
    "noise": lambda: middle(lambda self, x: self.one(x + torch.randn_like(x) if self.training else x), one=convolution),
    "batch_norm_behind_dropout": lambda: recipe(
        lambda: around(nn.Dropout(0.5), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    ),
    "alpha_dropout_behind_each_layer": lambda: recipe(
        lambda: around(*[layer for _ in range(4) for layer in (nn.Conv2d(4, 4, 3), nn.SELU(), nn.AlphaDropout(0.5))])
    ),
    "randomised_relu": lambda: recipe(lambda: around(nn.BatchNorm2d(4), nn.RReLU())),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_noise_is_no_switch(name):
    assert switch_problems(capture(HONEST[name]())) == []


@pytest.mark.parametrize("name", ["model1", "functional_dropout_and_view"])
def test_usual_networks_have_no_switch(name):
    assert switch_problems(captured(name)) == []
