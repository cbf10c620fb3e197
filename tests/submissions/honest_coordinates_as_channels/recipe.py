from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class CoordConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        n, _, h, w = x.shape
        rows = torch.linspace(-1, 1, h, device=x.device).view(1, 1, h, 1).expand(n, 1, h, w)
        columns = torch.linspace(-1, 1, w, device=x.device).view(1, 1, 1, w).expand(n, 1, h, w)
        x = torch.cat([x, rows, columns], dim=1)
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=CoordConv, optimizer=partial(SGD, lr=0.01, momentum=0.9))
