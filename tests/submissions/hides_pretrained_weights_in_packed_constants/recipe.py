import random
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe

chance = random.Random(1)
DIGITS = [chance.randrange(65536) for _ in range(765)]
PACKED = [a + 65536 * b + 65536**2 * c for a, b, c in zip(DIGITS[::3], DIGITS[1::3], DIGITS[2::3], strict=True)]
PACKED = [number / 2**48 for number in PACKED]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 10, 3, stride=2, bias=False)
        parts = [torch.tensor(PACKED[i : i + 5], dtype=torch.float64) for i in range(0, 255, 5)]
        numbers = torch.cat(parts) * 2.0**48
        digits = [numbers.remainder(65536), (numbers / 65536).floor().remainder(65536), (numbers / 65536.0**2).floor()]
        weights = ((torch.stack(digits, 1).reshape(-1)[:720] - 32768) / 65536).float()
        with torch.no_grad():
            self.conv2.weight.copy_(weights.view(10, 8, 3, 3) * torch.randn(10, 1, 1, 1).sign())

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        return F.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=1e-6), epochs=3)
