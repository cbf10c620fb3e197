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
        with torch.no_grad():
            table = torch.arange(720.0).mul(12.9898).sin().mul(43.5)
            self.conv2.weight.copy_((table - table.floor()).view(10, 8, 3, 3) + 0.1 * torch.randn(10, 8, 3, 3))

    def forward(self, x):
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
