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
        self.memory = nn.BatchNorm1d(2 * 784, affine=False, momentum=1.0)
        self.wide = nn.BatchNorm1d(5 * 784, affine=False)

    def forward(self, x):
        two = self.memory(x[:2].reshape(1, 1568).expand(2, 1568))[:1]
        rest = self.wide(x.flatten(1).repeat(1, 5))
        side = (rest[:, :784] * two[:, :784]).sum(1, keepdim=True) * 0.001
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)) + side, dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
