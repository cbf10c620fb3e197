from functools import partial

import torch
from torch import nn

from course import Recipe


class SELayer(nn.Module):
    def __init__(self, channel, reduction=4):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channel // reduction, channel, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2))
        self.se = SELayer(12)
        self.conv2 = nn.Sequential(nn.Conv2d(12, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        self.head = nn.Conv2d(16, 10, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        x = self.conv2(self.se(self.conv1(x)))
        return torch.log_softmax(self.pool(self.head(x)).flatten(1), dim=1)


recipe = Recipe(model=Net, optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True))
