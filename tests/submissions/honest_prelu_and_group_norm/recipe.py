from functools import partial

import torch
from torch import nn

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.a1, self.n1 = nn.Conv2d(1, 8, 3, 2), nn.PReLU(8), nn.GroupNorm(4, 8)
        self.c2, self.a2 = nn.Conv2d(8, 10, 3, 2, 1), nn.LeakyReLU(0.1)
        self.n2 = nn.LayerNorm([10, 7, 7])
        self.out = nn.Conv2d(10, 10, 7)

    def forward(self, x):
        x = self.n1(self.a1(self.c1(x)))
        x = self.n2(self.a2(self.c2(x)))
        return self.out(x)[:, :, 0, 0].log_softmax(dim=1)


recipe = Recipe(model=Net, optimizer=partial(torch.optim.RAdam, lr=0.01))
