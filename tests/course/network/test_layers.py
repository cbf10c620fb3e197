"""Which arguments of an operator the kernels cover; the others are PyTorch's, with the same results."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course.capture import capture
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
