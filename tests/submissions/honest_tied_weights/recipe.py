from functools import partial

import torch.nn.functional as F
from torch import nn
from torch.optim import SGD

from course import Recipe


class Recurrent(nn.Module):
    """The same convolution four times; it is counted once."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.step = nn.Conv2d(16, 16, 3, padding=1)
        self.again = nn.Conv2d(16, 16, 3, padding=1)
        self.again.weight = self.step.weight
        self.norms = nn.ModuleList(nn.BatchNorm2d(16) for _ in range(4))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.stem(x)
        for i, norm in enumerate(self.norms):
            conv = self.step if i % 2 == 0 else self.again
            x = F.relu(norm(conv(x))) + x
        return F.log_softmax(self.fc(x.mean(dim=(-2, -1))), dim=1)


recipe = Recipe(model=Recurrent, optimizer=partial(SGD, lr=0.02, momentum=0.9))
