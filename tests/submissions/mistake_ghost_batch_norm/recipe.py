from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class GhostBatchNorm(nn.Module):
    def __init__(self, channels, size=32):
        super().__init__()
        self.norm, self.size = nn.BatchNorm2d(channels), size

    def forward(self, x):
        if self.training:
            return torch.cat([self.norm(part) for part in x.split(self.size)])
        return self.norm(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2)
        self.norm = GhostBatchNorm(8)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
