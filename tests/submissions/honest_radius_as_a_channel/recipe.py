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
        self.radial = nn.Conv2d(2, 10, 3)

    def forward(self, x):
        line = torch.linspace(-1, 1, 28)
        radius = (line[:, None] ** 2 + line[None, :] ** 2).sqrt().expand(x.size(0), 1, 28, 28)
        side = self.radial(torch.cat((x, radius), 1)).mean((2, 3))
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)) + side, dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
