from functools import partial

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            weight_norm(nn.Conv2d(1, 8, 5, stride=2)), nn.ELU(), weight_norm(nn.Conv2d(8, 10, 5)), nn.ELU()
        )

    def forward(self, x):
        return torch.log_softmax(self.body(x).amax((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(torch.optim.Adamax, lr=0.01))
