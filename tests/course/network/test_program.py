"""What a spec's network does when it is rebuilt, and what an untrusted one may not do."""

from __future__ import annotations

import pytest
import torch

from course.errors import SpecError
from course.network.program import MAX_INIT_ELEMENTS, Program, TrainableNetwork, batch_norm_statistics, initial_tensors
from course.spec import Constant, Dtype, Graph, Input, Network, Node, NodeRef, Tensor, TensorRef
from tests.support.networks import SEED_COUNTS, SEED_MODELS, captured, seed_model

FLOAT = Dtype(dtype="float32")


def number(value: float) -> Constant:
    return Constant(shape=(), dtype=FLOAT, values=(value,))


def network(*nodes: Node, tensors=(), init=(), constants=()) -> Network:
    """`nodes` in both modes; the last is the output."""
    graph = Graph(nodes=nodes, output=NodeRef(node=len(nodes) - 1))
    return Network(train=graph, eval=graph, tensors=tensors, init=init, constants=constants)


FLAT = Node(op="aten.flatten.using_ints", args=(Input(), 1))
TEN = Node(op="aten.slice.Tensor", args=(NodeRef(node=0), 1, 0, 10))
PLAIN = network(FLAT, TEN)
IMAGES = torch.arange(3 * 784, dtype=torch.float32).reshape(3, 1, 28, 28)


def run(given: Network) -> torch.Tensor:
    return TrainableNetwork(given, 0)(IMAGES, training=True)


def test_a_network_written_by_hand_runs():
    assert torch.equal(run(PLAIN), IMAGES.flatten(1)[:, :10])


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


@pytest.mark.parametrize("name", ["model2", "squeeze_and_excite", "einsum_attention"])
def test_a_fast_network_gives_the_same_but_for_rounding(name):
    given, images = captured(name).network, torch.randn(4, 1, 28, 28)
    one, other = TrainableNetwork(given, 1), TrainableNetwork(given, 1, fast=True)
    assert torch.allclose(one(images, training=False), other(images, training=False), atol=1e-5)


def test_the_images_that_are_given_stay_as_they_are():
    given, images = captured("writes_into_its_input").network, torch.ones(2, 1, 28, 28)
    TrainableNetwork(given, 1)(images, training=True)
    assert torch.equal(images, torch.ones(2, 1, 28, 28))


def test_a_state_that_is_loaded_gives_the_same_outputs():
    given, images = captured("model2").network, torch.randn(4, 1, 28, 28)
    trained = TrainableNetwork(given, 1)
    trained(images, training=True)  # moves the running statistics
    fresh = TrainableNetwork(given, 2)
    fresh.load(trained.state())
    assert torch.equal(trained(images, training=False), fresh(images, training=False))


def test_a_value_is_let_go_after_its_last_reader():
    given = captured("model1").network
    program = Program(given.eval.nodes, len(given.tensors), given.eval.output.node)
    freed = [value for step in program.steps for value in step.free]
    assert sorted(freed) == list(range(program.first_node, program.output))


# ---- what is refused


def call(op: str, *args, **kwargs) -> Node:
    return Node(op=op, args=args, kwargs=kwargs)


def weight(init, shape=(2,), name="w") -> Tensor:
    return Tensor(name=name, kind="parameter", shape=shape, dtype=FLOAT, requires_grad=True, init=init)


ZEROS = call("aten.zeros.default", (2,))
HUGE = call("aten.zeros.default", (1_000, MAX_INIT_ELEMENTS // 1_000 + 1))
WRONG = {
    "operator_off_the_list": (network(call("aten.as_strided.default", Input(), (10,), (1,))), "not on the list"),
    "bare_memory_in_a_forward": (network(call("aten.empty.memory_format", (3, 10))), "not on the list"),
    "operator_that_does_not_exist": (network(call("aten.relu.fast", Input())), "does not exist"),
    "operator_that_writes_elsewhere": (network(call("aten.add.out", Input(), Input(), out=Input())), "writes into"),
    "unknown_keyword": (network(call("aten.relu.default", Input(), inplace=True)), "'inplace'"),
    "device_keyword": (network(call("aten.zeros.default", (3, 10), device="cuda")), "'device'"),
    "too_many_arguments": (network(call("aten.relu.default", Input(), 1, 2)), "more than it takes"),
    "too_few_arguments": (network(call("aten.conv2d.default", Input())), "failed"),
    "reads_a_later_node": (network(call("aten.relu.default", NodeRef(node=0))), "does not come before"),
    "reads_a_tensor_that_is_not_there": (network(call("aten.relu.default", TensorRef(tensor=0))), "there are 0"),
    "multiplied_words": (network(call("size.mul", "a" * 80, 2**40)), "a size is needed"),
    "multiplied_lists": (network(call("size.mul", (1, 2), 2**40)), "a size is needed"),
    "sizes_without_end": (network(call("size.mul", 2**62, 2**62)), "more than 64 bits"),
    "division_by_zero": (network(call("size.floordiv", 1, 0)), "failed"),
    "size_with_keywords": (network(call("size.neg", 1, b=2)), "1 keywords"),
    "output_of_another_shape": (network(FLAT), r"\(3, 784\), and \(3, 10\) is needed"),
    "output_that_is_no_tensor": (network(call("size.add", 1, 2)), "int"),
    "values_that_do_not_fill_the_shape": (
        network(FLAT, TEN, tensors=(weight(Constant(shape=(2,), dtype=FLOAT, values=(1.0,))),)),
        "comes with 1 values",
    ),
    "start_that_does_not_exist": (network(FLAT, TEN, tensors=(weight(NodeRef(node=0)),)), "does not exist"),
    "start_of_another_shape": (
        network(FLAT, TEN, tensors=(weight(NodeRef(node=0), shape=(3,)),), init=(ZEROS,)),
        "shape and type that it declares",
    ),
    "two_tensors_of_one_name": (
        network(FLAT, TEN, tensors=(weight(number(1.0), ()), weight(number(2.0), ()))),
        "same name",
    ),
    "huge_start": (network(FLAT, TEN, init=(HUGE,)), "20,001,000 numbers, and 20,000,000 are allowed"),
    "image_in_the_constructor": (network(FLAT, TEN, init=(call("aten.relu.default", Input()),)), "failed"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_network_that_is_not_allowed_is_refused(case):
    given, words = WRONG[case]
    with pytest.raises(SpecError, match=words):
        run(given)


def test_an_output_that_is_not_there_is_refused():
    graph = Graph(nodes=(FLAT,), output=NodeRef(node=1))
    with pytest.raises(SpecError, match="output is node 1, and there are 1"):
        run(Network(train=graph, eval=graph, tensors=(), init=()))


@pytest.mark.parametrize(
    "arguments",
    [
        ((1, 2), 0),
        ((0.123,), 0),
        (Input(), 0),
        (NodeRef(node=0), NodeRef(node=0)),
        (NodeRef(node=0),),
    ],
    ids="list hidden_number image computed alone".split(),
)
def test_one_of_several_is_taken_of_an_operators_results_alone_and_by_a_fixed_number(arguments):
    """Else an option could be one thing while the network is inspected, and another in the last, smaller batch."""
    size = Node(op="aten.sym_size.int", args=(Input(), 0), kwargs={})
    with pytest.raises(SpecError, match="by its number"):
        Program((size, Node(op="size.getitem", args=arguments, kwargs={})), 0, 1)
