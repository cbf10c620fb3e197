"""Train and eval mode compute the same, but for dropout and batch norm."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.inspection.checks import inspect
from course.inspection.modes.graphs import MAX_DROPOUT, mode_problems
from course.spec import Graph, Input, Network, Node, NodeRef, TensorRef
from tests.support.networks import around, captured, middle, recipe


class OnlyInTraining(nn.Module):
    def forward(self, x):
        return x * 2 if self.training else x * 3


class MoreInTraining(nn.Module):
    def forward(self, x):
        return torch.tanh(x) if self.training else x


PROBLEMS = {
    "another_number_in_training": (OnlyInTraining, ["something else in test mode"]),
    "another_operator_in_training": (MoreInTraining, ["something else in test mode", "operations in training"]),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_network_that_computes_something_else_in_test_mode_is_named(case):
    layer, messages = PROBLEMS[case]
    inspection = inspect(capture(recipe(lambda: around(layer()))))
    assert len(inspection.problems) == 1
    assert any(message in inspection.problems[0] for message in messages)


@pytest.mark.parametrize(
    "name", ["functional_dropout_and_view", "dropout2d", "alpha_dropout", "random_relu", "batch_norm_without_affine"]
)
def test_dropout_and_batch_norm_may_differ(name):
    inspection = inspect(captured(name))
    assert inspection.problems == ()


def modes(train: list[Node], evaluate: list[Node]) -> Network:
    graphs = [Graph(nodes=tuple(nodes), output=NodeRef(node=len(nodes) - 1)) for nodes in (train, evaluate)]
    return Network(train=graphs[0], eval=graphs[1], tensors=(), init=())


def two_branches(node: Node) -> list[Node]:
    """A tanh and a sigmoid of the image, then `node`, then the mean of what it gives."""
    branches = [Node(op=f"aten.{name}.default", args=(Input(),)) for name in ("tanh", "sigmoid")]
    return [*branches, node, Node(op="aten.mean.dim", args=(NodeRef(node=2), (2, 3)))]


TANH, SIGMOID = NodeRef(node=0), NodeRef(node=1)


@pytest.mark.parametrize("by_keyword", [False, True], ids=["by_position", "by_keyword"])
def test_a_dropout_hides_no_difference_in_what_it_is_given(by_keyword):
    def dropout(given: NodeRef, training: bool) -> list[Node]:
        if by_keyword:
            node = Node(op="aten.dropout.default", kwargs={"p": 0.5, "train": training, "input": given})
        else:
            node = Node(op="aten.dropout.default", args=(given, 0.5, training))
        return two_branches(node)

    assert mode_problems(modes(dropout(TANH, True), dropout(TANH, False))) == []
    (problem,) = mode_problems(modes(dropout(TANH, True), dropout(SIGMOID, False)))
    assert "something else in test mode than in training (mean where training has mean)" in problem


def test_arguments_that_are_left_out_equal_their_defaults():
    short = Node(op="aten.softmax.int", args=(TANH, 1))
    long = Node(op="aten.softmax.int", args=(TANH, 1), kwargs={"dtype": None})
    assert mode_problems(modes(two_branches(short), two_branches(long))) == []


def test_one_mode_may_not_go_on_where_the_other_ends():
    nodes = two_branches(Node(op="aten.relu.default", args=(TANH,)))
    (problem,) = mode_problems(modes(nodes, nodes[:-1]))
    assert "takes 4 operations in training and 3 in test mode" in problem


def test_the_modes_may_not_return_different_values():
    nodes = tuple(two_branches(Node(op="aten.relu.default", args=(TANH,))))
    train, evaluate = (Graph(nodes=nodes, output=NodeRef(node=node)) for node in (2, 3))
    (problem,) = mode_problems(Network(train=train, eval=evaluate, tensors=(), init=()))
    assert "returns another of its values in test mode than in training" in problem


def test_a_value_and_its_dropout_are_the_same_value_to_return():
    dropout = Node(op="aten.dropout.default", args=(NodeRef(node=0), 0.5, True))
    nodes = (Node(op="aten.tanh.default", args=(Input(),)), dropout)
    train, evaluate = (Graph(nodes=nodes, output=NodeRef(node=node)) for node in (1, 0))
    assert mode_problems(Network(train=train, eval=evaluate, tensors=(), init=())) == []


NORM = (None, None, TensorRef(tensor=0), TensorRef(tensor=1), True, 0.1, 1e-5, True)
READ_DIFFERENTLY = {
    "another_tensor": (2, TensorRef(tensor=1)),
    "another_momentum": (5, 0.2),
    "another_eps": (6, 1e-3),
    "no_statistics": (3, None),
}


@pytest.mark.parametrize("case", READ_DIFFERENTLY)
def test_the_modes_must_read_the_same_tensors_and_numbers(case):
    position, value = READ_DIFFERENTLY[case]

    def norm(*rest):
        return two_branches(Node(op="aten.batch_norm.default", args=(TANH, *rest)))

    other = [*NORM[:4], False, *NORM[5:]]
    assert mode_problems(modes(norm(*NORM), norm(*other))) == []
    other[position] = value
    (problem,) = mode_problems(modes(norm(*NORM), norm(*other)))
    assert "something else in test mode" in problem


def test_an_item_of_an_operators_result_is_compared_by_its_number():
    def item(number):
        halves = Node(op="aten.chunk.default", args=(TANH, 2, 3))
        return [*two_branches(halves)[:3], Node(op="size.getitem", args=(NodeRef(node=2), number))]

    assert mode_problems(modes(item(0), item(0))) == []
    (problem,) = mode_problems(modes(item(0), item(1)))
    assert "(getitem where training has getitem)" in problem


def test_true_and_one_are_different_numbers():
    def filled(value):
        return two_branches(Node(op="aten.full.default", args=((2, 1), value)))

    (problem,) = mode_problems(modes(filled(True), filled(1)))
    assert "something else in test mode" in problem


@pytest.mark.parametrize(("p", "allowed"), [(0.5, True), (MAX_DROPOUT, True), (0.91, False), (1.0, False)])
@pytest.mark.parametrize("layer", [nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout])
def test_a_dropout_of_nearly_everything_is_refused_with_its_p(layer, p, allowed):
    problems = mode_problems(capture(recipe(lambda: around(layer(p)))).network)
    assert problems == [] if allowed else f"dropout with p={p:g}, and 0 to 0.9 are allowed" in problems[0]


def test_the_p_of_a_dropout_is_a_number():
    size = Node(op="aten.sym_size.int", args=(Input(), 0))
    nodes = [size, Node(op="aten.dropout.default", args=(Input(), NodeRef(node=0), True))]
    (problem,) = mode_problems(modes(nodes, nodes))
    assert "computes the p of its dropout" in problem


@pytest.mark.parametrize(("dropout", "allowed"), [(0.2, True), (0.95, False)])
def test_attention_may_drop_weights_in_training(dropout, allowed):
    def attend(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        p = dropout if self.training else 0.0
        return F.scaled_dot_product_attention(tokens, tokens, tokens, dropout_p=p).transpose(1, 2).reshape(x.shape)

    problems = mode_problems(capture(middle(attend)).network)
    assert problems == [] if allowed else "dropout with p=0.95" in problems[0]


@pytest.mark.parametrize("momentum", [0.0, 1e-9, 2.0, -0.1])
def test_batch_norm_statistics_must_follow_the_training(momentum):
    (problem,) = mode_problems(capture(recipe(lambda: around(nn.BatchNorm2d(4, momentum=momentum)))).network)
    assert f"a batch norm with momentum={momentum:g}, and 0.001 to 1 are allowed" in problem


@pytest.mark.parametrize("momentum", [0.001, 0.01, 1.0])
def test_usual_momenta_are_allowed(momentum):
    assert mode_problems(capture(recipe(lambda: around(nn.BatchNorm2d(4, momentum=momentum)))).network) == []
