"""The initial tensors: those of the model's constructor, under every seed."""

from __future__ import annotations

import pytest
import torch

from course.errors import SpecError
from course.network import TrainableNetwork, batch_norm_statistics, initial_tensors
from course.network.initialization import MAX_INIT_ELEMENTS
from course.spec import Constant, Input, NodeRef, Tensor, TensorRef
from tests.support.networks import SEED_COUNTS, SEED_MODELS, captured, seed_model
from tests.support.spec_networks import FIRST_TEN, FLAT, FLOAT, call, network, parameter, run


@pytest.mark.parametrize("name", SEED_MODELS)
def test_the_seed_models_start_from_the_constructors_weights_under_every_seed(name):
    for seed in (0, 7):
        torch.manual_seed(seed)
        own = dict(seed_model(name).named_parameters())
        ours = TrainableNetwork(captured(name).network, seed).parameters
        assert own.keys() == ours.keys()
        assert all(torch.equal(own[n], ours[n]) for n in own)


def test_making_the_initial_weights_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    initial_tensors(captured("model1").network, 5)
    assert torch.equal(before, torch.get_rng_state())


def test_only_batch_norms_own_running_statistics_are_its_statistics():
    spec = captured("model1")
    names = [spec.network.tensors[i].name for i in batch_norm_statistics(spec.network)]
    assert len(names) == 12 and all(n.endswith(("running_mean", "running_var")) for n in names)
    assert sum(p.numel() for p in TrainableNetwork(spec.network, 0).parameters.values()) == SEED_COUNTS["model1"]


def test_a_buffer_that_is_read_elsewhere_as_well_is_not_a_statistic():
    buffers = tuple(
        Tensor(name=name, kind="buffer", shape=(1,), dtype=FLOAT, init=Constant(shape=(1,), dtype=FLOAT, values=(7.0,)))
        for name in ("mean", "variance")
    )
    mean, variance = TensorRef(tensor=0), TensorRef(tensor=1)
    norm = call("aten.batch_norm.default", Input(), None, None, mean, variance, False, 0.1, 1e-5, True)
    assert batch_norm_statistics(network(norm, tensors=buffers)) == {0: 0.0, 1: 1.0}
    sneaky = network(norm, call("aten.add.Tensor", Input(), mean), tensors=buffers)
    assert batch_norm_statistics(sneaky) == {1: 1.0}


@pytest.mark.parametrize("name", ["model1", "instance_norm_with_statistics"])
def test_statistics_start_from_zero_and_one_whatever_the_spec_says(name):
    given = captured(name).network
    statistics = batch_norm_statistics(given)
    seven = [
        t.model_copy(update={"init": Constant(shape=t.shape, dtype=t.dtype, values=(7.0,) * t.shape[0])})
        if i in statistics
        else t
        for i, t in enumerate(given.tensors)
    ]
    made = initial_tensors(given.model_copy(update={"tensors": tuple(seven)}), 0)
    assert statistics
    for index, start in statistics.items():
        assert torch.equal(made[index], torch.full_like(made[index], start))


ZEROS = call("aten.zeros.default", (2,))
HUGE = call("aten.zeros.default", (1_000, MAX_INIT_ELEMENTS // 1_000 + 1))
REFUSED = {
    "values_that_do_not_fill_the_shape": (
        network(FLAT, FIRST_TEN, tensors=(parameter(Constant(shape=(2,), dtype=FLOAT, values=(1.0,))),)),
        "comes with 1 values",
    ),
    "start_that_does_not_exist": (
        network(FLAT, FIRST_TEN, tensors=(parameter(NodeRef(node=0)),)),
        "does not exist",
    ),
    "start_of_another_shape": (
        network(FLAT, FIRST_TEN, tensors=(parameter(NodeRef(node=0), shape=(3,)),), init=(ZEROS,)),
        "shape and type that it declares",
    ),
    "huge_start": (network(FLAT, FIRST_TEN, init=(HUGE,)), "20,001,000 numbers, and 20,000,000 are allowed"),
    "image_in_the_constructor": (network(FLAT, FIRST_TEN, init=(call("aten.relu.default", Input()),)), "failed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_start_that_is_not_allowed_is_refused(case):
    given, message = REFUSED[case]
    with pytest.raises(SpecError, match=message):
        run(given)
