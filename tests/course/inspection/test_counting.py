"""Every number that a network can store is counted once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from course.capture import capture
from course.inspection.checks import inspect
from course.inspection.counting import (
    FREE_LITERALS,
    FREE_STATISTICS,
    MAX_INTEGER,
    count_parameters,
    packed_integer_problems,
)
from course.inspection.record import NOT_USED
from course.recipe import Recipe
from course.rules import load_rules, refusals
from tests.support.networks import captured, middle, recipe


def counted(name: str) -> int:
    return sum(part.numbers for part in count_parameters(captured(name).network))


PLAIN = 40 + 50  # what `around` has of its own: a convolution 1-4 and a dense layer 4-10


def extra(given: Recipe) -> dict[str, int]:
    """What is counted beyond `around`'s own parameters, by kind."""
    parts = count_parameters(capture(given).network)
    assert sum(p.numbers for p in parts if p.kind == "parameter") >= PLAIN
    return {p.kind: p.numbers for p in parts if p.kind != "parameter"}


COUNTS = {
    "sequential": PLAIN,
    "a_module_used_twice": PLAIN + 148 + 8,
    "tied_weights": PLAIN + 16 + 4 + 4,
    "frozen_parameters": PLAIN + 148,
    "weight_norm_by_parametrization": PLAIN + 148 + 4,
    "batch_norm_without_affine": PLAIN,
    "instance_norm_with_statistics": PLAIN,
    "buffer_with_fixed_filters": 18 + (3 * 4 * 9 + 4) + 3250,
    "constant_in_forward": PLAIN + 4,
    "tensor_as_an_attribute": PLAIN + 4,
    "positions_as_channels": PLAIN + 28 + 13 + 13,
    "own_parameters": PLAIN + 8 + 16,
}


@pytest.mark.parametrize("name", COUNTS)
def test_every_number_that_is_stored_is_counted_once(name):
    assert counted(name) == COUNTS[name]


class WithUnusedLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.norm, self.head = nn.Linear(784, 10), nn.BatchNorm1d(16), nn.Linear(3, 5)
        self.register_buffer("means", torch.zeros(30))
        self.scale = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        return self.fc(x.flatten(1)).log_softmax(1)


def test_layers_that_forward_does_not_use_count_without_statistics_and_buffers_that_nothing_reads():
    found = inspect(capture(recipe(WithUnusedLayers)))
    assert found.counted == 7_850 + 2 * 16 + 20 + 2
    assert found.describe_count() == (
        "7,850 in layers + 2 in the parameter 'scale', which forward does not use + 32 in the layer 'norm', which "
        "forward does not use + 20 in the layer 'head', which forward does not use"
    )
    unused = [(layer.name, layer.parameters) for layer in found.layers if layer.operator == NOT_USED]
    assert unused == [("scale", 2), ("norm", 32), ("head", 20)]
    (reason,) = refusals(replace(load_rules("challenge"), max_parameters=7_850), found)
    assert reason.endswith("which forward does not use. Delete what forward does not use.")


def test_a_tensor_that_is_no_parameter_is_named_in_the_sentence():
    assert (
        inspect(captured("tensor_as_an_attribute")).describe_count().startswith("90 in layers + 4 in the tensor 'body")
    )


MADE = {
    "arange": (lambda self, x: x * torch.arange(784).float().mean(), 784),
    "arange_with_a_step": (lambda self, x: x * torch.arange(0, 100, 3).float().mean(), 34),
    "linspace": (lambda self, x: x * torch.linspace(0, 1, 50).mean(), 50),
    "rectangular_eye": (lambda self, x: x * torch.eye(3, 5).mean(), 15),
    "ones": (lambda self, x: x * torch.ones(4, 1, 1), 4),
    "full": (lambda self, x: x * torch.full((13, 13), 0.5), 169),
    "as_large_as_the_batch": (lambda self, x: x * torch.ones(x.size(0), 1, 1, 1), 0),
    "like_the_images": (lambda self, x: x * torch.ones_like(x), 0),
}


@pytest.mark.parametrize("case", MADE)
def test_tensors_made_out_of_nothing_are_counted_by_their_size(case):
    forward, numbers = MADE[case]
    assert extra(middle(forward)).get("new tensor", 0) == numbers


def test_a_made_tensor_is_named_with_its_line():
    words = inspect(capture(middle(MADE["arange"][0]))).describe_count()
    assert "784 in the tensor that torch.arange makes in line " in words


@pytest.mark.parametrize(("literals", "numbers"), [(FREE_LITERALS, 0), (FREE_LITERALS + 31, 31)])
def test_numbers_in_the_code_are_free_up_to_a_point(literals, numbers):
    def forward(self, x):
        for i in range(literals):
            x = x * (1 + 0.001 * i)
        return x

    assert extra(middle(forward)).get("literals", 0) == numbers


def test_a_number_that_is_repeated_counts_once():
    assert "literals" not in extra(middle(lambda self, x: sum(x * 0.125 for _ in range(100))))


def test_a_buffer_that_batch_norm_shares_with_another_layer_is_counted():
    def forward(self, x):
        return self.norm(x) * self.norm.running_var[:, None, None]

    assert extra(middle(forward, norm=lambda: nn.BatchNorm2d(4))) == {"buffer": 4}
    assert extra(middle(lambda self, x: self.norm(x), norm=lambda: nn.BatchNorm2d(4))) == {}


def test_running_statistics_are_free_up_to_a_point():
    def forward(self, x):
        return self.norm(x.repeat(1, 300, 1, 1))[:, :4]

    numbers = extra(middle(forward, norm=lambda: nn.BatchNorm2d(1200)))
    assert numbers == {"statistics": 2 * 1200 - FREE_STATISTICS}


def test_an_integer_that_could_hold_several_numbers_is_a_problem_and_the_largest_is_named():
    def forward(self, x):
        return x * MAX_INTEGER + (MAX_INTEGER + 2) - (MAX_INTEGER + 1)

    (problem,) = packed_integer_problems(capture(middle(forward)).network)
    assert f"an integer as large as {MAX_INTEGER + 2:,}" in problem and f"{MAX_INTEGER:,} is allowed" in problem
    assert packed_integer_problems(capture(middle(lambda self, x: x * MAX_INTEGER)).network) == []
