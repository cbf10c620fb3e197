"""What depends on the other images of a batch, or on the place among them, is found whatever hides it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.inspection.dependence import dependence_problems
from course.spec import Graph, Input, Network, Node, NodeRef
from tests.support.networks import IDIOMS, SEED_MODELS, captured, middle


def closed(self):
    """A gate that is closed, and stays so under small changes of its parameter: training may open it."""
    return torch.relu(self.gate)


def first_set_to_the_mean(self, x):
    memory = torch.zeros_like(x)
    memory[:1].copy_(x.mean(0, keepdim=True))
    return x + closed(self) * memory


def first_marked(self, x):
    marks = torch.zeros_like(x)
    marks[:1].fill_(1.0)
    return x + closed(self) * marks


def convolved_over_the_batch(self, x):
    rows = F.conv1d(x.flatten(1).T[:, None], torch.ones(1, 1, 3), padding=1).squeeze(1).T
    return x + closed(self) * rows.reshape(x.shape)


MIXING = {
    "mean": lambda self, x: x - x.mean(0),
    "mean_behind_a_closed_gate": lambda self, x: x + closed(self) * x.mean(0),
    "mean_for_dark_images_only": lambda self, x: torch.where(x.amin() > -1, x.mean(0, keepdim=True), x),
    "mean_for_images_that_never_come": lambda self, x: torch.where(
        x.amin((1, 2, 3), keepdim=True) > 100, x.mean(0, keepdim=True), x
    ),
    "neighbour_if_a_parameter_is_large": lambda self, x: torch.where(self.gate > 0, x.flip(0), x),
    "neighbour_with_weight_zero": lambda self, x: torch.lerp(x, x.roll(1, 0), closed(self)),
    "all_in_one_einsum": lambda self, x: x + torch.einsum("nchw,mchw,z->nchw", x, x, closed(self)),
    "sum_so_far": lambda self, x: x + closed(self) * x.cumsum(0),
    "sorted": lambda self, x: x + closed(self) * x.sort(0)[0],
    "any_pixel_of_any_image": lambda self, x: x + closed(self) * (x > 100).any(),
    "all_pixels_of_all_images": lambda self, x: x * (x > -100).all().float(),
    "any_of_a_comparison": lambda self, x: x * (x > x.mean(0)).any(1, keepdim=True).float(),
    "duplicates": lambda self, x: (
        x + (x.flatten(1)[:, None] == x.flatten(1)[None]).all(2).float().mean(1)[:, None, None, None]
    ),
    "largest": lambda self, x: x + closed(self) * x.argmax(0),
    "softmax_over_the_batch": lambda self, x: x + closed(self) * torch.softmax(x, 0),
    "statistics_of_the_batch": lambda self, x: x + closed(self) * F.batch_norm(x, None, None, training=True),
    "deviation_of_everything": lambda self, x: x / (1 + closed(self) * x.std()),
    "similarities": lambda self, x: x + closed(self) * (x.flatten(1) @ x.flatten(1).T @ x.flatten(1)).reshape(x.shape),
    "written_in_place": first_set_to_the_mean,
    "convolution_over_the_batch": convolved_over_the_batch,
    "first_image": lambda self, x: x + closed(self) * x[:1],
    "another_order": lambda self, x: x.flip(0),
}
PLACES = {
    "number_in_the_batch": lambda self, x: x + closed(self) * torch.arange(x.size(0))[:, None, None, None],
    "counted_by_a_sum": lambda self, x: x + closed(self) * torch.ones_like(x[:, :1, :1, :1]).cumsum(0),
    "marked_in_place": first_marked,
    "size_of_the_batch": lambda self, x: x * (x.size(0) // 500),
    "size_by_a_sum": lambda self, x: x + 0.001 * torch.ones_like(x[:, 0, 0, 0]).sum(),
}


@pytest.mark.parametrize("case", MIXING | PLACES)
def test_other_images_and_the_place_among_them_are_found(case):
    network = capture(middle((MIXING | PLACES)[case], gate=lambda: nn.Parameter(torch.full((1,), -5.0)))).network
    (problem,) = dependence_problems(network)
    assert "depends on the other images of its batch or on its place among them" in problem


def test_the_sentence_names_the_first_operator_that_mixes():
    network = capture(middle(MIXING["mean"])).network
    (problem,) = dependence_problems(network)
    assert problem.startswith("Line ") and "among them (mean)." in problem


def in_place_by_channel(self, x):
    output = torch.zeros_like(x)
    output[:, :2].copy_(x[:, :2])
    return output


ALONE = {
    "each_image_written_in_place": in_place_by_channel,
    "token_before_each_image": lambda self, x: torch.cat(
        [self.gate.view(1, 1, 1, 1).expand(x.size(0), 4, 1, 13), x], 2
    ),
    "table_repeated_for_each_image": lambda self, x: x + torch.linspace(0, 1, 13).repeat(x.size(0), 1)[:, None, None],
    "heads_in_the_batch": lambda self, x: (2 * x.reshape(x.size(0) * 2, 2, 13, 13)).view(-1, 4, 13, 13),
    "batch_in_the_middle": lambda self, x: (
        (2 * x.permute(2, 0, 1, 3).reshape(-1, 4, 13)).view(13, -1, 4, 13).permute(1, 2, 0, 3)
    ),
    "comparison_that_is_never_true": lambda self, x: x * (x > 100),
    "largest_pixels": lambda self, x: x.flatten(2).topk(13, dim=2)[0][:, :, None],
    "own_norm": lambda self, x: x / (1e-5 + x.flatten(1).norm(dim=1)[:, None, None, None]),
    "picked_by_its_own_maximum": lambda self, x: x.gather(1, x.argmax(1, keepdim=True)).expand(-1, 4, -1, -1),
    "a_factor_for_each_image": lambda self, x: x * F.dropout(torch.ones(x.size(0), 1, 1, 1), 0.2, self.training),
    "mean_over_the_batch_that_nothing_uses": lambda self, x: (x.mean(0), x * 2)[1],
}


@pytest.mark.parametrize("case", ALONE)
def test_a_network_that_judges_each_image_by_itself_is_no_problem(case):
    network = capture(middle(ALONE[case], gate=lambda: nn.Parameter(torch.ones(1)))).network
    assert dependence_problems(network) == []


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("name", [*SEED_MODELS, *IDIOMS])
def test_usual_layers_are_no_problem(name):
    assert dependence_problems(captured(name).network) == []


def test_pieces_of_a_batch_are_followed_too():
    """Only a spec that no recipe made has one operand for each image: it works for one size of batch."""
    nodes = (
        Node(op="aten.flatten.using_ints", args=(Input(), 1)),
        Node(op="aten.slice.Tensor", args=(NodeRef(node=0), 1, 0, 10)),
        Node(op="aten.unbind.int", args=(NodeRef(node=1), 0)),
        Node(op="size.getitem", args=(NodeRef(node=2), 0)),
        Node(op="aten.add.Tensor", args=(NodeRef(node=1), NodeRef(node=3))),
    )
    graph = Graph(nodes=nodes, output=NodeRef(node=4))
    (problem,) = dependence_problems(Network(train=graph, eval=graph, tensors=(), init=()))
    assert "depends on the other images" in problem


def test_random_states_are_left_as_they_were():
    before = torch.random.get_rng_state()
    dependence_problems(captured("model1").network)
    assert torch.equal(torch.random.get_rng_state(), before)
