from functools import partial

import torch.nn as nn
import torch.nn.functional as F
from torch.optim import SGD

from course import Recipe


class Unclear(Exception):
    def __str__(self):
        raise ValueError("there is no text")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        raise Unclear


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.01))
