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
        self.bias = nn.Parameter(torch.randn(169) * 0.02)
        self.out = nn.Linear(49, 10)

    def forward(self, x):
        places = torch.stack(torch.meshgrid(torch.arange(7), torch.arange(7), indexing="ij")).flatten(1)
        rows, columns = places[:, :, None] - places[:, None, :] + 6
        bias = self.bias[(rows * 13 + columns).flatten()].view(49, 49)
        y = F.avg_pool2d(x, 4).flatten(1)
        attention = torch.softmax(y[:, :, None] * y[:, None, :] + bias, -1)
        side = self.out((attention @ y[:, :, None])[..., 0])
        x = F.relu(self.conv1(x))
        return F.log_softmax(self.conv2(x).mean((2, 3)) + side, dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
