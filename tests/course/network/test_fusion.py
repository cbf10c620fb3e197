"""Which calls are fused, and that a fast network has the outputs and gradients of PyTorch's operators."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.network import TrainableNetwork
from course.network.kernels import convolution, layout, norm, pooling
from tests.support.networks import IDIOMS, SEED_MODELS, captured, recipe


class Tail(nn.Module):
    """A convolution, `middle`, and a head."""

    def __init__(self, middle):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 4, 5, stride=3), nn.BatchNorm2d(4), nn.Linear(4, 10)
        self.middle = middle

    def forward(self, x):
        return F.log_softmax(self.head(self.middle(self, self.conv(x)).mean((2, 3))), 1)


def read_twice(net, x):
    normed = net.norm(x)
    return normed.relu() + normed


MIDDLES = {
    "norm, relu and dropout": (lambda net, x: F.dropout(net.norm(x).relu(), 0.2, net.training), 1),
    "norm and relu in place": (lambda net, x: net.norm(x).relu_(), 1),
    "relu before norm": (lambda net, x: net.norm(x.relu()), 2),
    "norm and dropout": (lambda net, x: F.dropout(net.norm(x), 0.2, net.training), 2),
    "norm read twice": (read_twice, 3),
    "dropout of nothing": (lambda net, x: F.dropout(net.norm(x).relu(), 0.0, net.training), 2),
}


@pytest.mark.parametrize("name", MIDDLES)
def test_neighbours_are_fused_where_nothing_else_reads_the_value_between(name):
    middle, calls = MIDDLES[name]
    given = capture(recipe(lambda: Tail(middle))).network
    slow, fast = TrainableNetwork(given, 1), TrainableNetwork(given, 1, fast=True)
    operators = [call.name for call in fast.train_program.calls if "add_" not in call.name]
    first, last = operators.index("aten.conv2d.default"), operators.index("aten.mean.dim")
    assert last - first - 1 == calls
    images = torch.randn(8, 1, 28, 28)
    assert torch.allclose(slow(images, training=False), fast(images, training=False), atol=1e-5)


def batch_innermost_operator(name: str) -> SimpleNamespace:
    """PyTorch's operator with a result in the kernels' layout, so that later random numbers meet the same numbers."""
    operator = getattr(torch.ops.aten, name).default

    def call(*arguments):
        result = operator(*arguments)
        return layout.empty_batch_innermost(*result.shape).copy_(result)

    return SimpleNamespace(default=call)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
@pytest.mark.parametrize("name", sorted(IDIOMS) + sorted(SEED_MODELS))
def test_a_fast_network_has_the_outputs_and_gradients_that_pytorchs_operators_give(name, monkeypatch):
    network = TrainableNetwork(captured(name).network, 1, fast=True)
    start, images, labels = network.state_dict(), torch.randn(6, 1, 28, 28), torch.arange(6)

    def losses_and_gradients() -> list[torch.Tensor | None]:
        network.load_state_dict(start)
        torch.manual_seed(5)  # the same masks
        for parameter in network.parameters.values():
            parameter.grad = None
        loss = F.nll_loss(network(images, training=True), labels)
        loss.backward()
        return [loss.detach(), *[p.grad for p in network.parameters.values()], *network.state_dict().values()]

    fast = losses_and_gradients()
    for module, name in ((convolution, "conv2d"), (norm, "batch_norm"), (pooling, "max_pool2d")):
        monkeypatch.setattr(module, "_is_supported", lambda *_: False)
        monkeypatch.setattr(module, "aten", SimpleNamespace(**{name: batch_innermost_operator(name)}))
    for one, other in zip(fast, losses_and_gradients(), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert torch.allclose(one, other, rtol=1e-4, atol=1e-5 * max(1.0, float(other.abs().max())))
