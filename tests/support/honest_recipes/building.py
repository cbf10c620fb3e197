"""How the honest recipes are written: a network in a line or two, and a recipe around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.optim import SGD

from course.recipe import Recipe
from tests.support.networks import LogProbabilities, around

__all__ = ["Honest", "LogProbabilities", "around", "block", "network", "with_options"]


@dataclass(frozen=True)
class Honest:
    """`build` makes the recipe; `extra` is what the rules count beyond the parameters of its module, by hand."""

    build: Callable[[], Recipe]
    extra: int = 0


class Block(nn.Module):
    """Some layers, and a forward that uses them."""

    def __init__(self, compute, layers):
        super().__init__()
        self.compute = compute
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.compute(self, x)


def block(compute, **layers) -> nn.Module:
    """A module that computes `compute(self, x)` with the given layers, parameters and numbers."""
    return Block(compute, layers)


def network(build: Callable[[], nn.Module], extra: int = 0) -> Honest:
    """A recipe for the network that `build` makes."""
    return Honest(lambda: Recipe(model=build, optimizer=partial(SGD, lr=0.05, momentum=0.9)), extra)


def small() -> nn.Module:
    """What the recipes use that are about optimizers, schedules and transforms."""
    return around(nn.BatchNorm2d(4), nn.ReLU())


def with_options(**options) -> Honest:
    """A recipe for a small network; `options` are those of Recipe."""
    return Honest(lambda: Recipe(**{"model": small, "optimizer": partial(SGD, lr=0.05, momentum=0.9), **options}))
