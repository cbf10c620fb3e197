from functools import partial

import torch
import torch.nn as nn
from torch.optim import SGD

from course import Recipe


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.beta = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)


class Blur(nn.Module):
    """A fixed filter: nine numbers, which are counted."""

    def __init__(self):
        super().__init__()
        kernel = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]) / 16
        self.register_buffer("kernel", kernel[None, None])

    def forward(self, x):
        return nn.functional.conv2d(x, self.kernel, padding=1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blur, self.act = Blur(), Swish()
        self.conv = nn.Conv2d(1, 8, 7, stride=3)
        self.weight = nn.Parameter(torch.randn(512, 10) * 0.05)
        self.bias = nn.Parameter(torch.zeros(10))

    def forward(self, x):
        x = self.act(self.conv(self.blur(x)))
        return torch.log_softmax(x.flatten(1) @ self.weight + self.bias, dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
