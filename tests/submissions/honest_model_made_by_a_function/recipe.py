from functools import partial

import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class Net(nn.Module):
    def __init__(self, width, drop=0.0, *, bias=True):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 5, stride=3, bias=bias)
        self.drop = nn.Dropout(drop)
        self.fc = nn.Linear(width * 64, 10)

    def forward(self, x):
        x = self.drop(F.relu(self.conv(x)))
        return F.log_softmax(self.fc(x.reshape(x.shape[0], -1)), dim=1)


recipe = Recipe(model=partial(Net, 10, drop=0.2, bias=False), optimizer=partial(SGD, lr=0.1))
