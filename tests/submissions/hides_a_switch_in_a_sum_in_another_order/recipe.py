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
        self.other = nn.Conv2d(8, 10, 3, stride=2)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        positive = torch.sigmoid(x[:, :1, ::2, ::2][:, :, :6, :6])
        other = F.relu(self.other(x))
        dropped = F.dropout(positive, 0.5, training=self.training) * other / positive - other
        x = torch.einsum(
            "knchw,k->nchw", torch.stack([other, dropped.abs(), self.conv2(x)]), torch.tensor([1.0, -1.0, 1.0])
        )
        return F.log_softmax(x.mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
