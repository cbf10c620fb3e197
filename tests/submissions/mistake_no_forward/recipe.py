from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 10)

    def fwd(self, x):
        x = self.fc1(x)
        return x


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01, momentum=0.9))
