from functools import partial

from torch import nn
from torch.optim import SGD

from course import Recipe


def block(inside, outside):
    return nn.Conv2d(inside, outside, 3), nn.BatchNorm2d(outside), nn.ReLU()


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            *block(1, 10), *block(10, 10), nn.MaxPool2d(2), *block(10, 12), *block(12, 16),
            nn.AvgPool2d(8), nn.Flatten(), nn.Linear(16, 10), nn.LogSoftmax(dim=1),
        )


recipe = Recipe(model=Net, optimizer=partial(SGD, lr=0.05, momentum=0.9))
