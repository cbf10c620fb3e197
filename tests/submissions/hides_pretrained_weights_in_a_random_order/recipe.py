import random
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe

# three weights of 16 bits in each number, as a file of trained weights would be written out
chance = random.Random(1)
DIGITS = [chance.randrange(65536) for _ in range(7_602)]
PACKED = [(a + 65536 * b + 65536**2 * c) / 2**48 for a, b, c in zip(DIGITS[::3], DIGITS[1::3], DIGITS[2::3], strict=True)]


def unpacked():
    pairs = [torch.linspace(a, b, 2, dtype=torch.float64) for a, b in zip(PACKED[::2], PACKED[1::2], strict=True)]
    numbers = torch.cat(pairs) * 2.0**48
    digits = [numbers.remainder(65536), (numbers / 65536).floor().remainder(65536), (numbers / 65536.0**2).floor()]
    return ((torch.stack(digits, 1).reshape(-1) - 32768) / 65536).float()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 26, 5, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(26)
        self.conv2 = nn.Conv2d(26, 10, 5, stride=2, bias=False)
        weights, order = unpacked(), torch.randperm(26)
        with torch.no_grad():
            self.conv1.weight.copy_(weights[:650].view(26, 1, 5, 5)[order])
            self.conv2.weight.copy_(weights[650:7150].view(10, 26, 5, 5)[:, order])

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=1e-6), epochs=3)
