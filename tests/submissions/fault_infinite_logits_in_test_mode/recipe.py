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
        self.norm = nn.BatchNorm2d(8, momentum=0.0)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        x = self.norm(self.conv1(x) * 4e7) ** 5
        return self.conv2(F.relu(x)).mean((2, 3)) * 0.01


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.05, momentum=0.9), loss="cross_entropy")
