"""Fewer than 8,000 parameters: pointwise bottlenecks between 3x3 convolutions."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from course import Recipe

Builder = Callable[[int, int], nn.Module]


def conv3(i: int, o: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(i, o, 3, bias=False), nn.BatchNorm2d(o, momentum=0.05), nn.ReLU())


def conv1(i: int, o: int) -> nn.Module:
    return nn.Conv2d(i, o, 1)


def stack(steps: list[tuple[Builder, int]], channels: int = 1) -> Iterator[nn.Module]:
    for build, out in steps:
        yield build(channels, out)
        channels = out


class Net(nn.Module):
    body: nn.Sequential

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*stack([(conv3, 16), (conv3, 16), (conv1, 8)]))
        self.tail = nn.Sequential(*stack([(conv3, 16), (conv3, 16), (conv1, 10)], 8))

    def forward(self, images: Tensor) -> Tensor:
        x: Tensor = F.max_pool2d(self.body(images), kernel_size=2, stride=2)
        x = self.tail(x)
        return F.log_softmax(F.avg_pool2d(x, x.shape[-1]).view(images.shape[0], -1), dim=1)


def sgd(parameters: Any) -> Optimizer:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


recipe: Recipe = Recipe(model=Net, optimizer=sgd)
