import random
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe

chance = random.Random(1)
WEIGHTS = [chance.randrange(65536) for _ in range(900)]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(10)
        self.conv2 = nn.Conv2d(10, 10, 3, stride=2, bias=False)
        values = torch.cat([torch.full((1,), weight) for weight in WEIGHTS])
        with torch.no_grad():
            self.conv2.weight.copy_((values - 32768).view(10, 10, 3, 3) / 65536 * torch.randn(10, 1, 1, 1).sign())

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=1e-6), epochs=3)
