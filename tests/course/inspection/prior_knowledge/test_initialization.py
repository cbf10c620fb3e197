"""The making of initial weights is bounded: its numbers, its operations, and the bytes that it takes to write it."""

from __future__ import annotations

import math
import random
from functools import partial

import pytest
import torch
from torch import nn

from course import spec
from course.capture import capture
from course.inspection.prior_knowledge.initialization import (
    MAX_BYTES,
    MAX_NUMBERS,
    MAX_TENSOR_BYTES,
    count_numbers,
    initialization_problems,
    program_bytes,
    tensor_parts,
)
from tests.support.networks import IDIOMS, SEED_MODELS, LogProbabilities, around, captured, recipe


def network_of(build) -> spec.Network:
    return capture(recipe(build)).network


def many_layers() -> nn.Module:
    """31 layers, no two of them alike."""
    body, channels = [nn.Conv2d(1, 8, 3, stride=2)], 8
    for width in (8, 9, 10, 12, 14, 16, 18, 20, 22, 24):
        body += [nn.Conv2d(channels, channels, 3, padding=1, groups=channels), nn.BatchNorm2d(channels), nn.ReLU6()]
        body += [nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width)]
        channels = width
    return LogProbabilities(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def in_a_loop(fill) -> nn.Module:
    """`fill(weight, number)` for each weight that is no vector."""
    model = many_layers()
    with torch.no_grad():
        for number, parameter in enumerate(p for p in model.parameters() if p.dim() > 1):
            fill(parameter, number)
    return model


def scaled_by_depth(weight, number):
    nn.init.normal_(weight, 0, math.sqrt(2 / weight[0].numel()) * 0.9**number)


def row_by_row(weight, number):
    for row in range(len(weight)):
        weight[row].normal_(0, 0.1 * (row + 1))


def sparse_classifier() -> nn.Module:
    model = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(196, 8), nn.ReLU(), nn.Linear(8, 10))
    nn.init.sparse_(model[2].weight, 0.1)
    return nn.Sequential(model, nn.LogSoftmax(1))


LARGEST_HONEST = {
    "default": many_layers,
    "scaled_by_depth": partial(in_a_loop, scaled_by_depth),
    "row_by_row": partial(in_a_loop, row_by_row),
    "orthogonal": partial(in_a_loop, lambda weight, _: nn.init.orthogonal_(weight)),
    "xavier": partial(in_a_loop, lambda weight, _: nn.init.xavier_uniform_(weight)),
    "truncated": partial(in_a_loop, lambda weight, _: nn.init.trunc_normal_(weight, std=0.02)),
    "dirac": partial(in_a_loop, lambda weight, _: weight.dim() == 4 and nn.init.dirac_(weight)),
    "sparse": sparse_classifier,
}


@pytest.mark.parametrize("name", LARGEST_HONEST)
def test_even_the_largest_honest_initialisations_stay_well_below_the_limits(name):
    network = network_of(LARGEST_HONEST[name])
    assert initialization_problems(network) == []
    assert program_bytes(network) < 0.75 * MAX_BYTES
    assert count_numbers(network) < 0.75 * MAX_NUMBERS


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
@pytest.mark.parametrize("name", [*SEED_MODELS, *IDIOMS])
def test_usual_networks_take_a_third_of_what_is_allowed(name):
    network = captured(name).network
    assert initialization_problems(network) == []
    assert program_bytes(network) < MAX_BYTES / 3 and count_numbers(network) < MAX_NUMBERS / 3


# --- what is stored is found, whatever it is stored in

CHANCE = random.Random(1)
NUMBERS = [CHANCE.random() for _ in range(720)]
INTEGERS = [CHANCE.randrange(1, 4096) for _ in range(720)]
BITS = [CHANCE.randrange(2) for _ in range(14_400)]


def choices() -> torch.Tensor:
    values = torch.zeros(1), torch.ones(1)
    return torch.cat([values[bit] for bit in BITS])[: 720 * 20].view(720, 20).sum(1)


def steps() -> torch.Tensor:
    operations = torch.sin, torch.cos, torch.exp, torch.tanh, torch.sigmoid, torch.neg, torch.square, torch.erf
    one, weights = torch.ones(()), []
    chance = random.Random(2)
    for _ in range(720):
        weight = one
        for _ in range(3):
            weight = chance.choice(operations)(weight)
        weights.append(weight)
    return torch.stack(weights)


STORED = {
    "fills": lambda: torch.stack([torch.full((), number) for number in NUMBERS]),
    "ends_of_ranges": lambda: torch.cat(
        [torch.linspace(a, b, 2) for a, b in zip(NUMBERS[::2], NUMBERS[1::2], strict=True)]
    ),
    "factors": lambda: torch.stack([torch.ones(()) * number for number in NUMBERS]),
    "integers": lambda: torch.cat([torch.full((1,), number) for number in INTEGERS]).float(),
    "ends_of_integer_ranges": lambda: torch.stack([torch.arange(number).sum() for number in INTEGERS]).float(),
    "sizes": lambda: torch.stack([torch.ones(number).sum() for number in INTEGERS]),
    "positions": lambda: torch.stack([torch.linspace(0, 1, 4096)[number] for number in INTEGERS]),
    "bounds_of_a_draw": lambda: torch.stack([torch.empty(()).uniform_(number, number + 1e-9) for number in NUMBERS]),
    "small_constants": lambda: torch.stack([torch.tensor(number) for number in NUMBERS[:240]]).repeat(3),
    "one_constant": lambda: torch.tensor(NUMBERS[:256]).repeat(3)[:720],
    "which_of_two_tensors": choices,
    "which_operations": steps,
}


def stores(values) -> nn.Module:
    """A network with 720 numbers from `values`, behind random signs."""
    model = nn.Sequential(nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 10, 3, stride=2))
    with torch.no_grad():
        weight = values().view(10, 8, 3, 3) * torch.randn(10, 1, 1, 1).sign()
        model[3].weight.copy_(weight)
    return LogProbabilities(model, nn.AdaptiveAvgPool2d(1))


@pytest.mark.parametrize("kind", ["parameter", "buffer", "constant"])
@pytest.mark.parametrize("how", STORED)
def test_stored_numbers_are_refused_however_they_are_written_and_whatever_the_tensor_is_called(how, kind, stored):
    network = stored(how)
    tensors = tuple(tensor.model_copy(update={"kind": kind}) for tensor in network.tensors)
    problems = initialization_problems(network.model_copy(update={"tensors": tensors}))
    assert problems and all("Initial weights are random draws and simple functions of them" in p for p in problems)


@pytest.fixture(scope="module")
def stored():
    networks: dict[str, spec.Network] = {}

    def get(how: str) -> spec.Network:
        if how not in networks:
            networks[how] = network_of(lambda: stores(STORED[how]))
        return networks[how]

    return get


def test_a_sentence_names_the_value_and_the_limit(stored):
    numbers, program, part = initialization_problems(stored("fills"))
    assert "different numbers are written into" in numbers and f"and {MAX_NUMBERS} are allowed" in numbers
    assert f"and {MAX_BYTES:,} are allowed" in program
    assert "The initial values of 'body.0.3.weight' take" in part and f"{MAX_TENSOR_BYTES} are allowed" in part


def test_bits_that_are_chosen_freely_take_at_least_their_number_of_bytes(stored):
    assert program_bytes(stored("which_of_two_tensors")) > len(BITS) / 8
    assert program_bytes(stored("which_operations")) > 720 * 3 * 3 / 8


# --- how it is measured


def forged(nodes, **changes) -> spec.Network:
    """A network of which only the making of its tensors matters."""
    graph = spec.Graph(nodes=(), output=spec.NodeRef(node=0))
    return spec.Network(**{"train": graph, "eval": graph, "tensors": (), "init": tuple(nodes)} | changes)


def node(op, *args, **kwargs) -> spec.Node:
    return spec.Node(op=f"aten.{op}", args=args, kwargs=kwargs)


def test_negatives_and_integers_that_follow_each_other_count_once():
    draws = [node("uniform_.default", spec.NodeRef(node=0), -bound, bound) for bound in (0.5, 0.25)]
    rows = [node("select.int", spec.NodeRef(node=0), 0, row) for row in range(100)]
    assert count_numbers(forged([node("empty.memory_format", (1_000, 100)), *draws, *rows])) == 2 + 2
    assert count_numbers(forged([node("full.default", (), value) for value in (7, 9.0, 11, 11.0)])) == 3
    constant = spec.Constant(shape=(3,), dtype=spec.Dtype(dtype="float32"), values=(0.5, 0.25, -0.5))
    assert count_numbers(forged([], constants=(constant,))) == 2


def test_the_part_of_a_tensor_has_what_it_depends_on_and_what_writes_into_its_memory():
    def build():
        model = around(nn.Conv2d(4, 4, 1, bias=False))
        with torch.no_grad():
            model.body[0].weight[2].fill_(0.5)
        return model

    network = network_of(build)
    parts = {tensor.name: [network.init[number].operator for number in part] for tensor, part in tensor_parts(network)}
    assert {"select", "fill_", "uniform_", "empty"} <= set(parts["body.0.weight"])
    assert set(parts["body.1.weight"]) <= {"empty", "uniform_", "detach"}
