from functools import partial

from torch import nn
from torch.optim import Adam

from course import Recipe


def make_model():
    return nn.Sequential(
        nn.LazyConv2d(8, 3, stride=2), nn.LazyBatchNorm2d(), nn.GELU(),
        nn.LazyConv2d(12, 3, stride=2), nn.Mish(), nn.Flatten(), nn.LazyLinear(10), nn.LogSoftmax(-1),
    )


recipe = Recipe(model=make_model, optimizer=partial(Adam, lr=1e-3))
