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
        self.norm = nn.BatchNorm2d(8)
        self.scale = nn.Parameter(torch.rand(1, 10))

    def forward(self, x):
        y = self.norm(self.conv1(x)).mean((2, 3))
        table = (self.norm.running_mean[:1].expand(7840).cumsum(0) * 78.2).sin().view(784, 10)
        side = x.flatten(1) @ (table * self.scale) + y.mean(1, keepdim=True)
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)) + side, dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
