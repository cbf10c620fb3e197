"""A planned step has the loss, gradients and statistics that PyTorch's operators give in float64, for any graph."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course import spec
from course.capture import capture
from course.errors import SpecError
from course.network import TrainableNetwork
from course.network.plan import Island, Loss, Plan
from tests.support.networks import IDIOMS, SEED_MODELS, captured, recipe
from tests.support.planned import step_of_kernels, step_of_pytorch, without_dropout

GENERATOR = torch.Generator().manual_seed(0)
IMAGES, LABELS = torch.randn(40, 1, 28, 28, generator=GENERATOR), torch.randint(10, (40,), generator=GENERATOR)
# their random numbers, or types, are others in float64
NOT_COMPARED = {"noise_in_training_only", "moves_to_the_device_of_its_weights"}


def assert_same_step(network: spec.Network, images=IMAGES, labels=LABELS) -> Plan:
    """The kernels' step is PyTorch's but for rounding; returns its plan."""
    exact = step_of_pytorch(network, images, labels)
    found, planned = step_of_kernels(network, images, labels)
    assert found.loss == pytest.approx(exact.loss, rel=1e-5)
    largest = max(float(gradient.abs().max()) for gradient in exact.gradients.values())
    for name, gradient in exact.gradients.items():
        # where rounding decides on which side of 0 a number is, ReLU lets another gradient pass
        assert (found.gradients[name] - gradient).abs().max() <= 5e-3 * largest, name
    for name, tensor in exact.tensors.items():
        assert torch.allclose(found.tensors[name].double(), tensor.double(), rtol=1e-5, atol=1e-5), name
    theirs = TrainableNetwork.__call__(planned, images, training=False)
    assert torch.allclose(planned(images), theirs.float(), rtol=1e-5, atol=2e-5)
    return planned._training_plans[len(images)]


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
@pytest.mark.parametrize("name", sorted({*IDIOMS, *SEED_MODELS} - NOT_COMPARED))
def test_a_step_is_that_of_pytorchs_operators(name):
    assert_same_step(without_dropout(captured(name).network))


@pytest.mark.parametrize("name", SEED_MODELS)
@pytest.mark.parametrize("count", [1, 33, 96])
def test_a_batch_may_have_any_size(name, count):
    assert_same_step(
        without_dropout(captured(name).network), IMAGES.repeat(3, 1, 1, 1)[:count], LABELS.repeat(3)[:count]
    )


def blocks():
    """Layers that keep the number of channels, 4, and the size of images."""
    return st.lists(
        st.sampled_from(["conv", "norm", "relu", "gelu", "residual", "in place", "twice", "groups"]), max_size=6
    )


class Random(nn.Module):
    """A stem, the named blocks, and a head."""

    def __init__(self, names: list[str]):
        super().__init__()
        self.names, self.stem, self.head = names, nn.Conv2d(1, 4, 5, stride=4), nn.Linear(4, 10)
        groups = {"groups": 2}
        self.layers = nn.ModuleList(
            nn.BatchNorm2d(4) if name == "norm" else nn.Conv2d(4, 4, 3, padding=1, groups=groups.get(name, 1))
            for name in names
        )

    def forward(self, x):
        x = self.stem(x)
        for name, layer in zip(self.names, self.layers, strict=True):
            match name:
                case "relu":
                    x = F.relu(x)
                case "gelu":
                    x = F.gelu(x)
                case "residual":
                    x = x + F.relu(layer(x))
                case "in place":
                    x = layer(x).relu_()
                case "twice":
                    x = layer(layer(x))
                case _:
                    x = layer(x)
        return F.log_softmax(self.head(x.mean((2, 3))), 1)


@settings(max_examples=12, deadline=None)
@given(blocks())
def test_a_step_of_a_random_graph_is_that_of_pytorchs_operators(names):
    plan = assert_same_step(capture(recipe(lambda: Random(names))).network)
    assert "gelu" in plan.left_to_pytorch if "gelu" in names else plan.left_to_pytorch == []


def middle(forward):
    """A network that computes `forward(self, x)` between its convolution and its head."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.head = nn.Conv2d(1, 4, 5, stride=3), nn.BatchNorm2d(4), nn.Linear(4, 10)
            self.conv2 = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            return F.log_softmax(self.head(forward(self, self.conv(x)).mean((2, 3))), 1)

    return capture(recipe(Net)).network


def overwritten(net, x):
    """Writes into a value that is read again."""
    view = x.flatten(2)
    view.mul_(2.0)
    return x * 1.5


def gated(net, x):
    """PyTorch's operators read two values of kernels, of which one is read again later."""
    first, second = x.relu(), net.norm(x)
    return net.conv2(F.gelu(first) * second) + first


def read_twice(net, x):
    normed = net.norm(x)
    return normed.relu() + normed


@pytest.mark.parametrize(
    "forward",
    [
        overwritten,
        gated,
        read_twice,
        lambda net, x: x.relu_() + x,
        lambda net, x: F.gelu(x).relu_() * F.gelu(net.norm(x)),
    ],
)
def test_values_that_are_shared_or_written_into_keep_their_meaning(forward):
    assert_same_step(middle(forward))


def test_a_graph_that_writes_into_a_value_which_is_read_again_is_one_island():
    plan = assert_same_step(middle(overwritten))
    assert [type(part) for part in plan._forward] == [Island] or len(plan._forward) == 2
    assert "mul_" in plan.left_to_pytorch


@pytest.mark.parametrize(
    ("forward", "layers"),
    [
        (lambda net, x: F.dropout(net.norm(x).relu(), 0.2, net.training), 1),
        (lambda net, x: net.norm(x).relu_(), 1),
        (lambda net, x: F.dropout(net.norm(x), 0.2, net.training), 1),
        (lambda net, x: net.norm(x.relu()), 2),
        (lambda net, x: F.dropout(F.dropout(x.relu(), 0.2, net.training), 0.2, net.training), 2),
        (read_twice, 3),
    ],
)
def test_relu_and_dropout_are_computed_with_what_comes_before_unless_its_value_is_read_twice(forward, layers):
    from course.network.plan import _Planner

    network = middle(forward)
    trainable = TrainableNetwork(network, 1)
    planner = _Planner(trainable.train_program, trainable.tensors, 40, training=True)
    assert len(planner._layers) == layers + 4  # the convolution, the mean, the head and log-softmax


@pytest.mark.parametrize("name", SEED_MODELS)
def test_the_lessons_models_are_computed_by_kernels_alone(name):
    network = TrainableNetwork(captured(name).network, 1)
    assert Plan(network.train_program, network.tensors, 8, loss=Loss("nll")).left_to_pytorch == []
    assert Plan(network.eval_program, network.tensors, 8).left_to_pytorch == []


def test_an_output_of_another_shape_is_refused():
    network = captured("model1").network
    train = network.train.model_copy(update={"output": spec.NodeRef(node=3)})
    network = TrainableNetwork(network.model_copy(update={"train": train}), 1)
    with pytest.raises(SpecError, match=r"output for 8 images is \(8, .*and \(8, 10\) is needed"):
        Plan(network.train_program, network.tensors, 8, loss=Loss("nll"))


def test_outputs_may_be_of_double_precision():
    class Doubles(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 4, 5, stride=3), nn.Linear(4, 10)

        def forward(self, x):
            return F.log_softmax(self.head(self.conv(x).mean((2, 3))).double(), 1)

    assert "log_softmax" in assert_same_step(capture(recipe(Doubles)).network).left_to_pytorch
