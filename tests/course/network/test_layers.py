"""Which arguments of an operator the kernels cover; the others are PyTorch's, with the same results."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
from course.kernels import layout
from course.network.batches import Batch, Memory
from course.network.layers import LAYERS, Context, Tail
from tests.course.network.test_plan import assert_same_step
from tests.support.networks import recipe

COVERED = {
    "a stride": (lambda: nn.Conv2d(4, 4, 3, stride=2), lambda x: x),
    "padding by a word": (lambda: nn.Conv2d(4, 4, 3, padding="same"), lambda x: x),
    "groups": (lambda: nn.Conv2d(4, 8, 3, groups=4), lambda x: x),
    "max-pooling": (nn.Identity, lambda x: F.max_pool2d(x, (2, 3))),
    "average pooling": (nn.Identity, lambda x: F.avg_pool2d(x, 2)),
    "a mean that keeps dimensions": (nn.Identity, lambda x: x.mean((-1, -2), keepdim=True)),
    "concatenation": (nn.Identity, lambda x: torch.cat([x, x.relu()], 1)),
    "batch norm without affine": (lambda: nn.BatchNorm2d(4, affine=False), lambda x: x),
    "batch norm": (lambda: nn.BatchNorm2d(4), lambda x: x),
}
LEFT = {
    "dilation": (lambda: nn.Conv2d(4, 4, 3, dilation=2), lambda x: x),
    "padding as wide as the kernel": (lambda: nn.Conv2d(4, 4, 1, padding=1), lambda x: x),
    "overlapping windows": (nn.Identity, lambda x: F.max_pool2d(x, 3, 2)),
    "padded windows": (nn.Identity, lambda x: F.avg_pool2d(x, 2, 2, 1)),
    "spaced windows": (nn.Identity, lambda x: F.max_pool2d(x, 2, 2, 0, 2)),
    "ragged windows": (nn.Identity, lambda x: F.max_pool2d(x, 2, 2, 0, 1, True)),
    "large windows": (nn.Identity, lambda x: F.max_pool2d(x, 6)),
    "uneven adaptive pooling": (nn.Identity, lambda x: F.adaptive_avg_pool2d(x, 5)),
    "a mean over channels": (nn.Identity, lambda x: x.mean((1, 2), keepdim=True)),
    "a sum with a factor": (nn.Identity, lambda x: torch.add(x, x, alpha=2)),
    "a sum of other shapes": (nn.Identity, lambda x: x + x.mean((2, 3), keepdim=True)),
    "concatenation of rows": (nn.Identity, lambda x: torch.cat([x, x], 2)),
}


def network_with(layer, function):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.layer, self.head = nn.Conv2d(1, 4, 4, stride=3), layer(), nn.LazyLinear(10)

        def forward(self, x):
            return F.log_softmax(self.head(function(self.layer(self.stem(x))).flatten(1)), 1)

    return capture(recipe(Net)).network


@pytest.mark.parametrize("name", COVERED)
def test_usual_arguments_are_covered(name):
    assert assert_same_step(network_with(*COVERED[name])).left_to_pytorch == []


@pytest.mark.parametrize("name", LEFT)
def test_others_are_computed_by_pytorch(name):
    assert assert_same_step(network_with(*LEFT[name])).left_to_pytorch != []


# ---- a spec may say anything, and kernels check no address


X = Batch(layout.empty(4, (4, 8, 8)), needs_gradient=False)
FEATURES = Batch(layout.empty(4, (6,)), needs_gradient=False)
CONV = {
    "input": X,
    "weight": torch.zeros(6, 4, 3, 3),
    "bias": torch.zeros(6),
    "stride": (1, 1),
    "padding": (0, 0),
    "dilation": (1, 1),
    "groups": 1,
}
LINEAR = {"input": FEATURES, "weight": torch.zeros(10, 6), "bias": torch.zeros(10)}
NORM = {
    "input": X,
    **dict.fromkeys(("weight", "bias", "running_mean", "running_var"), torch.zeros(4)),
    "training": True,
    "momentum": 0.1,
    "eps": 1e-5,
}
POOL = {"self": X, "kernel_size": (2, 2), "stride": [], "padding": 0, "dilation": 1, "ceil_mode": False}
ODD = [
    ("conv2d.default", CONV, "weight", torch.zeros(6, 5, 3, 3)),
    ("conv2d.default", CONV, "weight", torch.zeros(6, 4, 3)),
    ("conv2d.default", CONV, "weight", torch.zeros(6, 4, 9, 9)),
    ("conv2d.default", CONV, "weight", torch.zeros(6, 4, 3, 3, dtype=torch.float64)),
    ("conv2d.default", CONV, "weight", torch.zeros(6, 4, 3, 3).transpose(2, 3)[:, :, :2]),
    ("conv2d.default", CONV, "bias", torch.zeros(5)),
    ("conv2d.default", CONV, "bias", torch.zeros(6, 1)),
    ("conv2d.default", CONV, "bias", 0.0),
    *[("conv2d.default", CONV, "groups", odd) for odd in (0, -1, 2, 3, True, 1.0)],
    *[("conv2d.default", CONV, "stride", odd) for odd in ((0, 1), (1.0, 1), (1, 2**20), (), (1, 1, 1), True)],
    *[("conv2d.default", CONV, "padding", odd) for odd in ((3, 0), (-1, 0), "same ", (0.5, 0))],
    ("conv2d.default", CONV, "dilation", (2, 1)),
    ("linear.default", LINEAR, "weight", torch.zeros(10, 5)),
    ("linear.default", LINEAR, "weight", torch.zeros(6)),
    ("linear.default", LINEAR, "bias", torch.zeros(11)),
    *[("batch_norm.default", NORM, name, torch.zeros(3)) for name in ("weight", "bias", "running_mean", "running_var")],
    *[("batch_norm.default", NORM, "eps", odd) for odd in (1, True, None, "1", torch.tensor(1e-5))],
    *[("batch_norm.default", NORM, "momentum", odd) for odd in (None, True, [0.1])],
    *[("max_pool2d.default", POOL, "kernel_size", odd) for odd in ((9, 2), (0, 2), (2.0, 2), (-2, 2), (2, 2, 2))],
    ("cat.default", {"tensors": [X, X], "dim": 1}, "tensors", [X, Batch(layout.empty(4, (4, 7, 8)), False)]),
    ("cat.default", {"tensors": [X, X], "dim": 1}, "tensors", []),
    *[("adaptive_avg_pool2d.default", {"self": X, "output_size": 4}, "output_size", odd) for odd in (0, -4, 2.0, 3)],
]


@pytest.mark.parametrize(("name", "arguments", "option", "odd"), ODD)
def test_arguments_that_do_not_fit_are_never_given_to_a_kernel(name, arguments, option, odd):
    context = Context(4, True, Memory())
    make = LAYERS[f"aten.{name}"]
    assert make(context, arguments, Tail()) is not None
    assert make(context, {**arguments, option: odd}, Tail()) is None
