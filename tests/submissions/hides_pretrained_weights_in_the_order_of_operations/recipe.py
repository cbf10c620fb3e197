import random
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe

chance = random.Random(1)
STEPS = [chance.randrange(8) for _ in range(2_160)]


class Net(nn.Module):
    """Each weight is made of the same number by three operations out of eight."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2, bias=False)
        choices = torch.sin, torch.cos, torch.exp, torch.tanh, torch.sigmoid, torch.neg, torch.square, torch.erf
        weights, one = [], torch.ones(())
        for number in range(720):
            weight = one
            for step in STEPS[3 * number : 3 * number + 3]:
                weight = choices[step](weight)
            weights.append(weight)
        with torch.no_grad():
            self.conv2.weight.copy_(torch.stack(weights).view(10, 8, 3, 3) * torch.randn(10, 1, 1, 1).sign())

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=1e-6), epochs=3)
