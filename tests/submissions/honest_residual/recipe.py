from functools import partial

import torch.nn as nn
import torch.nn.functional as F
from torch.optim import AdamW

from course import Recipe


class Block(nn.Module):
    def __init__(self, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 10, 5, stride=2, padding=2)
        self.layers = nn.Sequential(Block(10), nn.MaxPool2d(2), Block(10))
        self.fc = nn.Linear(10, 10)

    def forward(self, x):
        x = self.layers(self.stem(x))
        x = F.adaptive_avg_pool2d(x, (1, 1)).squeeze(-1).squeeze(-1)
        return F.log_softmax(self.fc(x), dim=-1)


recipe = Recipe(model=ResNet, optimizer=partial(AdamW, lr=2e-3, weight_decay=1e-2))
