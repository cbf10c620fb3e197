"""Train and eval mode compute the same, but for dropout and batch norm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course.capture import capture
from course.inspection import inspect
from course.inspection.modes import mode_problems
from course.spec import Graph, Input, Network, Node, NodeRef
from tests.support.networks import around, captured, recipe


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
