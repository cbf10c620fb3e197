"""What is known without training: every stored number is counted, and what breaks a rule for all is named."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau

from course.capture import capture
from course.errors import RecipeError, SpecError
from course.inspection import count_parameters, inspect, list_layers, raise_on_problems, step_cost
from course.inspection.cost import MAX_STEP_COST
from course.inspection.counting import FREE_LITERALS
from course.network import TrainableNetwork
from course.recipe import Recipe, watching
from course.spec import (
    Dtype,
    Graph,
    Input,
    Network,
    Node,
    NodeRef,
    Optimizer,
    ParameterGroup,
    Spec,
    Tensor,
    TensorRef,
)
from tests.support.networks import SEED_COUNTS, around, captured, recipe


def counted(name: str) -> int:
    return sum(part.numbers for part in count_parameters(captured(name).network))


def middle(forward, **module) -> Recipe:
    """A recipe whose network computes `forward(x)` in its middle, (N, 4, 13, 13) -> (N, 4, H, W)."""

    class Middle(nn.Module):
        def __init__(self):
            super().__init__()
            for name, build in module.items():
                setattr(self, name, build())

        def forward(self, x):
            return forward(self, x)

    return recipe(lambda: around(Middle()))


PLAIN = 40 + 50  # what `around` has of its own: a convolution 1-4 and a dense layer 4-10


def extra(given: Recipe) -> dict[str, int]:
    """What is counted beyond `around`'s own parameters, by kind."""
    parts = count_parameters(capture(given).network)
    assert sum(p.numbers for p in parts if p.kind == "parameter") >= PLAIN
    return {p.kind: p.numbers for p in parts if p.kind != "parameter"}


# ---- the count


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_count_exactly_as_published(name):
    found = inspect(captured(name))
    assert found.counted == SEED_COUNTS[name]
    assert found.describe_count() == f"{SEED_COUNTS[name]:,} in layers"
    assert sum(layer.parameters for layer in found.layers) == SEED_COUNTS[name]
    assert found.problems == found.leaks == ()


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


# ---- what is wrong under any rules


class OverTheBatch(nn.Module):
    def forward(self, x):
        return x - x.mean(dim=0, keepdim=True)


class GateOverTheBatch(nn.Module):
    """Looks at its batch only once training has opened the gate."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.gate * x.mean(dim=0, keepdim=True)


class OnlyInTraining(nn.Module):
    def forward(self, x):
        return x * 2 if self.training else x * 3


class MoreInTraining(nn.Module):
    def forward(self, x):
        return torch.tanh(x) if self.training else x


class AlwaysRandom(nn.Module):
    def forward(self, x):
        return x + 0.1 * torch.randn_like(x)


class AlwaysDrops(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.5, training=True)


class Remembers(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        self.seen.add_(1.0)
        return x


PROBLEMS = {
    "batch_norm_without_statistics": (
        partial(nn.BatchNorm2d, 4, track_running_stats=False),
        "other images of its batch",
    ),
    "mean_over_the_batch": (OverTheBatch, "other images of its batch"),
    "gate_that_opens_in_training": (GateOverTheBatch, "other images of its batch"),
    "another_number_in_training": (OnlyInTraining, "something else in test mode"),
    "another_operator_in_training": (MoreInTraining, r"something else in test mode|operations in training"),
    "noise_at_test_time": (AlwaysRandom, "draws random numbers in test mode"),
    "dropout_at_test_time": (AlwaysDrops, "draws random numbers in test mode"),
    "memory_at_test_time": (Remembers, "changes 'body.1.seen' in test mode"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_network_that_does_not_judge_each_image_by_itself_is_named(case):
    layer, words = PROBLEMS[case]
    found = inspect(capture(recipe(lambda: around(layer()))))
    assert len(found.problems) == 1
    with pytest.raises(RecipeError, match=words):
        raise_on_problems(found)


@pytest.mark.parametrize(
    "name", ["functional_dropout_and_view", "dropout2d", "alpha_dropout", "random_relu", "batch_norm_without_affine"]
)
def test_layers_that_rest_in_test_mode_are_no_problem(name):
    found = inspect(captured(name))
    assert found.problems == ()
    raise_on_problems(found)


def raw_scores() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def test_raw_scores_need_the_loss_that_is_made_for_them():
    (problem,) = inspect(capture(recipe(raw_scores))).problems
    assert "not log-probabilities" in problem and 'loss="cross_entropy"' in problem
    assert inspect(capture(recipe(raw_scores, loss="cross_entropy"))).problems == ()


def test_a_schedule_that_sees_the_test_loss_is_a_leak_and_no_other_is():
    given = capture(recipe(raw_scores, loss="cross_entropy", scheduler=watching("test_loss", ReduceLROnPlateau)))
    (leak,) = inspect(given).leaks
    assert "test loss" in leak
    honest = given.schedule.model_copy(update={"metric": "validation_loss"})
    assert inspect(given.model_copy(update={"schedule": honest})).leaks == ()


# ---- work


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_take_the_usual_work(name):
    found = step_cost(captured(name))
    assert 1e8 < found.flops < 1.5e9
    assert 1e7 < found.elements < 7e7
    assert found.memory < MAX_STEP_COST.memory / 4


def giant(*nodes: Node, batch_size: int = 128) -> Spec:
    """(N, 1, 28, 28) times a weight, then `nodes`, then the largest of each of the first ten channels."""
    first = Node(op="aten.mul.Tensor", args=(Input(), TensorRef(tensor=0)))
    largest = Node(op="aten.amax.default", args=(NodeRef(node=len(nodes)), (2, 3)))
    ten = Node(op="aten.slice.Tensor", args=(NodeRef(node=len(nodes) + 1), 1, 0, 10))
    graph = Graph(nodes=(first, *nodes, largest, ten), output=NodeRef(node=len(nodes) + 2))
    dtype = Dtype(dtype="float32")
    weight = Tensor(name="w", kind="parameter", shape=(1,), dtype=dtype, requires_grad=True, init=NodeRef(node=0))
    ones = Node(op="aten.ones.default", args=((1,),))
    network = Network(train=graph, eval=graph, tensors=(weight,), init=(ones,))
    optimizer = Optimizer(name="SGD", groups=(ParameterGroup(params=("w",), options={}),))
    return Spec(
        network=network,
        train_transform=(),
        test_transform=(),
        optimizer=optimizer,
        epochs=1,
        batch_size=batch_size,
        loss="cross_entropy",
    )


EXPANDED = Node(op="aten.expand.default", args=(NodeRef(node=0), (-1, 3000, -1, -1)))
REPEATED = Node(op="aten.repeat.default", args=(NodeRef(node=0), (1, 3000, 1, 1)))
TEN_CHANNELS = Node(op="aten.repeat.default", args=(NodeRef(node=0), (1, 10, 1, 1)))
LARGER = Node(op="aten.upsample_nearest2d.default", args=(NodeRef(node=1), (700, 700)))
POOLED = Node(op="aten.max_pool2d.default", args=(NodeRef(node=2), (13, 13), (1, 1)))
GIANT = {
    "expanded_without_memory": (EXPANDED,),
    "repeated": (REPEATED,),
    "pooled_from_a_large_image": (TEN_CHANNELS, LARGER, POOLED),
}


@pytest.mark.parametrize("case", GIANT)
def test_a_giant_step_is_a_problem_and_is_never_run(case, monkeypatch):
    monkeypatch.setattr(TrainableNetwork, "__call__", meta_only(TrainableNetwork.__call__))
    problems = inspect(giant(*GIANT[case])).problems
    assert problems and all("are allowed: use fewer channels" in p for p in problems)


def meta_only(call):
    def checked(self, images, **options):
        assert images.is_meta
        return call(self, images, **options)

    return checked


def test_a_small_batch_does_not_hide_work():
    assert (
        step_cost(giant(REPEATED, batch_size=1)).elements < MAX_STEP_COST.elements < step_cost(giant(REPEATED)).elements
    )
    assert any("on 128 images" in p for p in inspect(giant(REPEATED, batch_size=1)).problems)


def test_a_network_of_the_same_form_and_of_usual_size_may_run():
    assert inspect(giant(TEN_CHANNELS)).problems == ()


def test_a_network_that_cannot_be_trained_is_refused():
    spec = captured("model1")
    frozen = tuple(t.model_copy(update={"requires_grad": False}) for t in spec.network.tensors)
    with pytest.raises(SpecError, match="cannot be trained"):
        step_cost(spec.model_copy(update={"network": spec.network.model_copy(update={"tensors": frozen})}))


# ---- layers and receptive field


def fields(spec: Spec, *operators: str) -> list[int]:
    return [layer.receptive_field for layer in list_layers(spec.network) if layer.operator in operators]


@pytest.mark.parametrize("name", SEED_COUNTS)
def test_the_published_models_see_the_whole_image_in_the_end(name):
    assert fields(captured(name), "conv2d", "max_pool2d", "avg_pool2d") == [3, 5, 7, 8, 12, 16, 20, 24, 28]
    assert inspect(captured(name)).receptive_field == 28


FIELDS = {
    "strided_convolution": [3, 7, 28],
    "dilated_convolution": [3, 11, 28],
    "depthwise_separable": [3, 7, 7, 28],
    "cat_of_branches": [3, 3, 7, 11, 28],
    "residual": [3, 7, 11, 28],
    "pixel_unshuffle_stem": [12, 28],
    "squeeze_and_excite": [3, 28],
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_receptive_field_grows_by_kernel_dilation_and_stride(name):
    assert fields(captured(name), "conv2d", "adaptive_avg_pool2d") == FIELDS[name]


def test_branches_that_are_joined_keep_the_larger_field():
    assert fields(captured("cat_of_branches"), "cat") == [11]


@pytest.mark.parametrize("name", ["einsum_attention", "multihead_attention"])
def test_attention_sees_everywhere(name):
    assert fields(captured(name), "einsum", "scaled_dot_product_attention")[0] == 28


def test_a_mean_over_channels_sees_no_further():
    spec = capture(middle(lambda self, x: x * torch.sigmoid(x.mean(dim=1, keepdim=True))))
    assert fields(spec, "mean", "sigmoid") == [3, 3]


def test_layers_show_shapes_names_and_their_own_parameters():
    first, *_ = list_layers(captured("model1").network)
    assert (first.name, first.operator, first.shape, first.parameters) == ("body.0", "conv2d", (10, 26, 26), 100)


def test_an_untrusted_network_is_inspected_or_refused():
    nodes = (
        Node(op="aten.flatten.using_ints", args=(Input(), 1)),
        Node(op="aten.amax.default", args=(NodeRef(node=0),)),
    )
    graph = Graph(nodes=nodes, output=NodeRef(node=1))
    spec = captured("model1").model_copy(
        update={"network": Network(train=graph, eval=graph, tensors=(), init=()), "batch_size": 2}
    )
    with pytest.raises(SpecError, match="output for 2 images"):
        inspect(spec)


def test_a_usual_recipe_has_no_problem_with_another_loss_or_optimizer():
    given = recipe(partial(around, nn.ReLU()), optimizer=partial(SGD, lr=0.1), loss="cross_entropy")
    assert inspect(capture(given)).problems == ()
