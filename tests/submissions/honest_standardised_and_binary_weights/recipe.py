from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)
        self.dense = nn.Parameter(torch.randn(10, 49))
        self.standard = nn.Parameter(torch.randn(10, 1, 5, 5))

    def forward(self, x):
        weight = self.standard
        weight = (weight - weight.mean((1, 2, 3), keepdim=True)) / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
        binary = self.dense.sign() * self.dense.abs().mean(1, keepdim=True)
        side = F.linear(F.avg_pool2d(x, 4).flatten(1), binary) + F.conv2d(x, weight).mean((2, 3))
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)) + side, dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
