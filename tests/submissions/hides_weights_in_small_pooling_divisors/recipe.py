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
        self.conv2 = nn.Conv2d(8, 108, 3, stride=2)

    def digit(self, x, i):
        return sum(F.avg_pool2d(x, 1, divisor_override=1001 + 10 * i + j)[:, j, 0, 0] for j in range(10))

    def forward(self, x):
        x = self.conv2(F.relu(self.conv1(x))).mean((2, 3))
        sides = [self.digit(x[:, i * 10 : i * 10 + 10, None, None], i) for i in range(10)]
        return F.log_softmax(torch.stack(sides, 1), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
