"""What a program runs, when it releases a value, and which nodes it refuses."""

from __future__ import annotations

import pytest
import torch

from course.errors import SpecError
from course.network import Program
from course.spec import Graph, Input, Network, Node, NodeRef, TensorRef
from tests.support.networks import captured
from tests.support.spec_networks import FIRST_TEN, FLAT, IMAGES, call, network, run


def test_a_network_written_by_hand_runs():
    assert torch.equal(run(network(FLAT, FIRST_TEN)), IMAGES.flatten(1)[:, :10])


def test_a_value_is_released_after_its_last_reader():
    given = captured("model1").network
    program = Program(given.eval.nodes, len(given.tensors), given.eval.output.node)
    released = [value for call in program.calls for value in call.releases]
    assert sorted(released) == list(range(program.first_node, program.output))


def test_without_an_output_every_value_is_kept():
    values = Program((FLAT, FIRST_TEN), 0, None).run(IMAGES, [])
    assert values[0] is IMAGES and torch.equal(values[2], IMAGES.flatten(1)[:, :10])


def test_calls_can_be_executed_one_by_one():
    program = Program((FLAT, FIRST_TEN), 0, None)
    values = [IMAGES]
    for one in program.calls:
        values.append(program.compute(one, values))
    assert torch.equal(values[-1], program.run(IMAGES, [])[-1])


@pytest.mark.parametrize(
    "node",
    [
        call("aten.empty.memory_format", (3, 10)),
        call("aten.empty_like.default", NodeRef(node=1)),
        call("aten.new_empty.default", Input(), (3, 10)),
    ],
    ids=lambda node: node.op,
)
def test_a_network_never_sees_what_was_in_memory_before(node):
    used = torch.full((3, 10), 7.0)  # freed in a moment, and handed out again as empty memory
    del used
    assert torch.equal(run(network(FLAT, FIRST_TEN, node)), torch.zeros(3, 10))


REFUSED = {
    "operator_off_the_list": (network(call("aten.as_strided.default", Input(), (10,), (1,))), "not on the list"),
    "operator_that_does_not_exist": (network(call("aten.relu.fast", Input())), "does not exist"),
    "operator_that_writes_elsewhere": (network(call("aten.add.out", Input(), Input(), out=Input())), "writes into"),
    "unknown_keyword": (network(call("aten.relu.default", Input(), inplace=True)), "'inplace'"),
    "device_keyword": (network(call("aten.zeros.default", (3, 10), device="cuda")), "'device'"),
    "too_many_arguments": (network(call("aten.relu.default", Input(), 1, 2)), "more than it takes"),
    "too_few_arguments": (network(call("aten.conv2d.default", Input())), "failed"),
    "reads_a_later_node": (network(call("aten.relu.default", NodeRef(node=0))), "does not come before"),
    "reads_a_tensor_that_is_not_there": (network(call("aten.relu.default", TensorRef(tensor=0))), "there are 0"),
    "multiplied_strings": (network(call("size.mul", "a" * 80, 2**40)), "a size is needed"),
    "multiplied_lists": (network(call("size.mul", (1, 2), 2**40)), "a size is needed"),
    "unbounded_sizes": (network(call("size.mul", 2**62, 2**62)), "more than 64 bits"),
    "division_by_zero": (network(call("size.floordiv", 1, 0)), "failed"),
    "size_with_keywords": (network(call("size.neg", 1, b=2)), "1 keywords"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_program_that_is_not_allowed_is_refused(case):
    given, message = REFUSED[case]
    with pytest.raises(SpecError, match=message):
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
def test_getitem_takes_an_operators_result_and_a_constant_index_alone(arguments):
    """Else an option could be one thing while the network is inspected, and another in the last, smaller batch."""
    size = Node(op="aten.sym_size.int", args=(Input(), 0), kwargs={})
    with pytest.raises(SpecError, match="by its number"):
        Program((size, Node(op="size.getitem", args=arguments, kwargs={})), 0, 1)
