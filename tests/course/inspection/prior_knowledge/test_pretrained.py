"""Initial values that are the same under every seed are found, also behind random signs, scales and orders."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import nn

from course import spec
from course.capture import capture
from course.inspection.prior_knowledge.pretrained import (
    MAX_BUFFERED,
    MAX_PRETRAINED,
    pretrained_problems,
    pretrained_weights,
)
from tests.support.networks import captured, recipe


@pytest.mark.parametrize(
    "name",
    [
        "model1",
        "batch_norm_without_affine",
        "own_parameters",
        "squeeze_and_excite",
        "orthogonal_init",
        "truncated_normal_init",
        "weight_norm_by_parametrization",
        "buffer_with_fixed_filters",
    ],
)
def test_the_weights_of_a_usual_network_are_not_pretrained(name):
    network = captured(name).network
    assert sum(pretrained_weights(network).values()) < 20  # one in 3,000 by chance, and Sobel's filters
    assert pretrained_problems(network) == []


def classifier(fill) -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.LogSoftmax(1))
    with torch.no_grad():
        fill(model[1].weight)
    return model


@cache
def network_with(fill) -> spec.Network:
    return capture(recipe(lambda: classifier(fill))).network


def table(weight) -> torch.Tensor:
    """Numbers without a visible order, the same under every seed."""
    numbers = torch.arange(float(weight.numel())).mul(12.9898).sin().mul(43.5)
    return (numbers - numbers.floor() - 0.5).view(weight.shape)


def sign(*shape) -> torch.Tensor:
    return torch.randn(*shape).sign()


DISGUISES = {
    "none": lambda w: w.copy_(table(w)),
    "a_little_noise": lambda w: w.copy_(table(w) + 0.05 * torch.randn(w.shape)),
    "one_random_sign": lambda w: w.copy_(table(w) * sign(1)),
    "a_random_sign_for_each_class": lambda w: w.copy_(table(w) * sign(10, 1)),
    "a_random_sign_for_each_weight": lambda w: w.copy_(table(w) * sign(10, 784)),
    "signs_for_rows_and_columns": lambda w: w.copy_(table(w) * sign(10, 1) * sign(784)),
    "a_random_scale": lambda w: w.copy_(table(w) * torch.rand(1).add(0.1)),
    "a_random_scale_for_each_class": lambda w: w.copy_(table(w) * torch.rand(10, 1).add(0.1)),
    "scales_and_signs_for_rows_and_columns": lambda w: w.copy_(
        table(w) * torch.randn(10, 1).exp() * sign(10, 1) * torch.randn(784).exp()
    ),
    "a_random_order_of_rows": lambda w: w.copy_(table(w)[torch.randperm(10)]),
    "a_random_order_of_columns_and_signs": lambda w: w.copy_(table(w)[:, torch.randperm(784)] * sign(10, 1)),
    "a_random_order_of_everything": lambda w: w.copy_(table(w).view(-1)[torch.randperm(7840)].view(10, 784)),
    "a_random_order_under_noise": lambda w: w.copy_(table(w)[:, torch.randperm(784)] + 0.02 * torch.randn(w.shape)),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_weights_that_are_the_same_under_every_seed_are_found_and_refused(disguise):
    network = network_with(DISGUISES[disguise])
    counts = pretrained_weights(network)
    assert counts["1.weight"] > 5_000
    (problem,) = pretrained_problems(network)
    assert f"({counts['1.weight']:,} in '1.weight'), and {MAX_PRETRAINED} are allowed" in problem


HONEST = {
    "kaiming": nn.init.kaiming_normal_,
    "uniform": nn.init.xavier_uniform_,
    "zeros": nn.init.zeros_,
    "orthogonal": nn.init.orthogonal_,
    "one_value": lambda w: w.fill_(0.3),
    "two_values": lambda w: w.copy_(sign(w.shape) * 0.1),
    "a_narrower_draw_for_each_class": lambda w: w.copy_(torch.randn(w.shape) * torch.arange(1.0, 11.0)[:, None]),
    "a_window_over_each_draw": lambda w: w.copy_(torch.randn(w.shape) * torch.linspace(0.1, 2, 784)),
    "normalised_rows": lambda w: w.copy_(nn.functional.normalize(torch.randn(w.shape), dim=1)),
    "standardised": lambda w: w.div_(w.std()),
    "dropped_out": lambda w: w.mul_(torch.rand(w.shape) > 0.9),
    "a_heavy_tail": lambda w: w.copy_(torch.randn(w.shape) ** 3),
}


@pytest.mark.parametrize("fill", HONEST)
def test_weights_that_are_drawn_or_filled_with_one_value_are_not_pretrained(fill):
    network = network_with(HONEST[fill])
    assert sum(pretrained_weights(network).values()) < MAX_PRETRAINED / 2
    assert pretrained_problems(network) == []


def renamed(network: spec.Network, kind: str) -> spec.Network:
    """The same tensors under another name, as a forged spec may call them."""
    tensors = tuple(tensor.model_copy(update={"kind": kind}) for tensor in network.tensors)
    return network.model_copy(update={"tensors": tensors})


@pytest.mark.parametrize("kind", ["buffer", "constant"])
@pytest.mark.parametrize("disguise", ["none", "a_random_sign_for_each_class", "a_random_order_of_rows"])
def test_they_are_found_whatever_the_tensor_is_called(kind, disguise):
    (problem,) = pretrained_problems(renamed(network_with(DISGUISES[disguise]), kind))
    assert f"in '1.weight'), and {MAX_BUFFERED:,} are allowed" in problem


class Grid(nn.Module):
    """Both coordinates of all pixels as a buffer: 1,568 numbers, of which 28 differ."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(784, 10)
        steps = torch.linspace(-1, 1, 28)
        self.register_buffer("grid", torch.stack(torch.meshgrid(steps, steps, indexing="ij")))

    def forward(self, x):
        return self.line((x * self.grid.sum(0)).flatten(1)).log_softmax(1)


def test_a_buffer_of_coordinates_counts_with_its_different_numbers():
    network = capture(recipe(Grid)).network
    assert pretrained_weights(network)["grid"] < MAX_BUFFERED / 8
    assert pretrained_problems(network) == []
