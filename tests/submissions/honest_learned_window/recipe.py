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
        self.centre, self.width = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.ones(1))

    def forward(self, x):
        line = torch.linspace(-1, 1, 28)
        window = (-((line[:, None] - self.centre[0]) ** 2 + (line - self.centre[1]) ** 2) / self.width**2).exp()
        side = F.pad((x * window).mean((2, 3)), (0, 9))
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)) + side, dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
