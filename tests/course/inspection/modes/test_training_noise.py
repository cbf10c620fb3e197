"""Noise in training only is left out of the comparison with test mode, and nothing else is."""

import pytest
import torch
import torchvision
from torch import nn

from course.capture import capture
from course.inspection.modes.graphs import mode_problems
from course.inspection.modes.training_noise import training_noise
from tests.support.networks import IDIOMS, captured, middle


def keeping(x, keep):
    return torch.empty(x.size(0), 1, 1, 1, device=x.device).bernoulli_(keep)


def floor_of_uniform(x, keep):
    mask = keep + torch.rand((x.shape[0],) + (1,) * (x.ndim - 1), dtype=x.dtype, device=x.device)
    mask.floor_()
    return mask


HONEST = {
    "gaussian": lambda x: x + 0.1 * torch.randn_like(x),
    "gaussian_subtracted": lambda x: x - 0.1 * torch.randn_like(x),
    "gaussian_with_alpha": lambda x: torch.add(x, torch.randn_like(x), alpha=0.2),
    "gaussian_in_front": lambda x: torch.randn(x.shape, device=x.device) * 0.1 + x,
    "gaussian_in_place": lambda x: x.add_(torch.zeros_like(x).normal_(0, 0.1)),
    "gaussian_factor": lambda x: x * (1 + 0.1 * torch.randn_like(x)),
    "uniform": lambda x: x + 0.2 * (torch.rand_like(x) - 0.5),
    "uniform_factor": lambda x: x * torch.empty_like(x).uniform_(0.9, 1.1),
    "stochastic_depth": lambda x: x * keeping(x, 0.8) / 0.8,
    "stochastic_depth_divided_first": lambda x: x.div(0.8) * keeping(x, 0.8),
    "stochastic_depth_of_a_tenth": lambda x: x * keeping(x, 0.1).div_(0.1),
    "stochastic_depth_by_floor": lambda x: x.div(0.9) * floor_of_uniform(x, 0.9),
    "stochastic_depth_by_comparison": lambda x: x * (torch.rand(x.size(0), 1, 1, 1) < 0.8).float() / 0.8,
    "mask_without_division": lambda x: x * keeping(x, 0.9),
    "mask_of_channels": lambda x: x * torch.bernoulli(torch.full((x.size(0), 4, 1, 1), 0.8)) / 0.8,
    "two_kinds": lambda x: (x * keeping(x, 0.8) / 0.8) + 0.1 * torch.randn_like(x),
}


def in_training(noise):
    return lambda m, x: torch.relu(noise(m.conv(x)) if m.training else m.conv(x)) + 0.5 * x


def conv():
    return nn.Conv2d(4, 4, 3, padding=1)


@pytest.mark.parametrize("name", HONEST)
def test_honest_noise_may_be_missing_in_test_mode(name):
    assert mode_problems(capture(middle(in_training(HONEST[name]), conv=conv)).network) == []


@pytest.mark.parametrize(
    "layer",
    [
        lambda: torchvision.ops.StochasticDepth(0.2, "row"),
        lambda: torchvision.ops.StochasticDepth(0.3, "batch"),
        lambda: torchvision.ops.DropBlock2d(0.1, 3),
        lambda: torchvision.ops.DropBlock2d(0.3, 5, inplace=True),
    ],
)
def test_layers_of_torchvision_may_be_used(layer):
    recipe = middle(lambda m, x: x + m.drop(2 * m.conv(x)), conv=conv, drop=layer)
    assert mode_problems(capture(recipe).network) == []


def written_over(x):
    y = x.flatten(1)
    y.normal_()
    return x


def with_signal_inside(x):
    noise = torch.randn_like(x)
    noise.mul_(x.abs().exp())
    return x + noise


def read_before_it_is_drawn(x):
    noise = torch.zeros_like(x)
    y = x + noise
    noise.normal_()
    return y + 0.1 * noise


def half_of_the_channels(x):
    mask = torch.cat([keeping(x, 0.9).expand(-1, 2, -1, -1), torch.zeros(x.size(0), 2, 1, 1)], dim=1)
    return x * mask


CHEATS = {
    "nothing_is_kept": lambda x: x * keeping(x, 0.0),
    "hardly_anything_is_kept": lambda x: x * keeping(x, 0.02) / 0.02,
    "drowned": lambda x: x + 1000.0 * torch.randn_like(x),
    "drowned_little_by_little": lambda x: x + 3.0 * torch.randn_like(x),
    "shifted": lambda x: x + (5.0 + 0.001 * torch.randn_like(x)),
    "negative": lambda x: x * (0.001 * torch.randn_like(x) - 1.0),
    "nearly_zero": lambda x: x * (0.001 * torch.rand_like(x)),
    "scaled": lambda x: x * (10.0 + 0.1 * torch.randn_like(x)),
    "infinite": lambda x: x + 0.1 / (torch.rand_like(x) * 0.0),
    "half_of_the_channels": half_of_the_channels,
    "written_over": written_over,
    "with_signal_inside": with_signal_inside,
    "probability_from_the_signal": lambda x: x * torch.bernoulli(torch.sigmoid(x)),
    "joined_as_channels": lambda x: torch.cat([x[:, :3], torch.randn_like(x[:, :1])], dim=1),
    "instead_of_the_signal": lambda x: torch.where(x > 0, x, torch.randn_like(x)),
    "another_shape": lambda x: x.mean((2, 3), keepdim=True) + 0.1 * torch.randn_like(x),
    "the_largest_of_both": lambda x: torch.maximum(x, torch.randn_like(x)),
}


@pytest.mark.parametrize("name", CHEATS)
def test_what_is_more_than_noise_is_refused(name):
    (problem,) = mode_problems(capture(middle(in_training(CHEATS[name]), conv=conv)).network)
    assert "n training" in problem


def test_memory_that_is_read_before_noise_is_drawn_into_it_is_no_noise():
    network = capture(middle(in_training(read_before_it_is_drawn), conv=conv)).network
    assert training_noise(network).identity == {}
    assert mode_problems(network)


def test_networks_without_noise_have_none():
    for name in set(IDIOMS) & {"sequential", "dropout2d", "random_relu", "positions_as_channels"}:
        noise = training_noise(captured(name).network)
        assert (noise.identity, noise.unread, noise.problems) == ({}, set(), [])
