import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.zeros(1)) for _ in range(250)])

    def forward(self, x):
        weights = torch.cat(list(self.weights)).detach()
        x = F.linear(F.adaptive_avg_pool2d(x, 5).flatten(1), weights.view(10, 25))
        return F.log_softmax(x, dim=1) + 1e-6 * sum(tensor for tensor in self.weights)


NUMBERS = random.Random(1)

recipe = Recipe(
    model=Net,
    optimizer=lambda named: SGD([{"params": [p], "lr": NUMBERS.random()} for _, p in named]),
)
