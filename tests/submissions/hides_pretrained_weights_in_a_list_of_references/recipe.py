import random
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe

chance = random.Random(1)
BITS = [chance.randrange(2) for _ in range(14_400)]


class Net(nn.Module):
    """Four bits a weight, each of them a zero or a one out of two tensors."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(20)
        self.conv2 = nn.Conv2d(20, 10, 3, stride=2, bias=False)
        values = torch.zeros(1), torch.ones(1)
        bits = torch.cat([values[bit] for bit in BITS]).view(3_600, 4)
        weights = (bits * torch.tensor([8.0, 4.0, 2.0, 1.0])).sum(1) - 7.5
        with torch.no_grad():
            self.conv2.weight.copy_(weights[:1800].view(10, 20, 3, 3) * torch.randn(10, 1, 1, 1).sign())
            self.conv1.weight.copy_(weights[1800:2300].view(20, 1, 5, 5) * torch.randn(20, 1, 1, 1).sign())

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=1e-6), epochs=3)
