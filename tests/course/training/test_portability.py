"""What makes a recipe's results depend on the processor is named, and nothing else."""

from __future__ import annotations

from functools import partial

import pytest
from torch import nn
from torch.optim import SGD, Adam, AdamW, NAdam
from torchvision.transforms import (
    ColorJitter,
    Compose,
    GaussianBlur,
    Normalize,
    RandomAffine,
    RandomApply,
    RandomCrop,
    RandomErasing,
    RandomPerspective,
    RandomRotation,
    ToTensor,
)

from course.capture import capture
from course.training.portability import processor_dependent
from tests.support.networks import SEED_MODELS, around, captured, recipe
from tests.support.small_runs import KINDS, spec_of


@pytest.mark.parametrize("name", SEED_MODELS)
def test_the_lessons_networks_are_the_same_everywhere(name):
    assert processor_dependent(captured(name)) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_so_are_the_options_of_a_recipe(kind):
    assert processor_dependent(spec_of(kind)) == ()


def pipeline(*transforms):
    return Compose([*transforms, ToTensor(), Normalize((0.1307,), (0.3081,))])


def plain():
    return around(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(0.1))


class Gelu(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = around(nn.Conv2d(4, 4, 3), nn.GELU(), nn.GroupNorm(2, 4))

    def forward(self, x):
        return self.body(x)


def orthogonal():
    net = plain()
    nn.init.orthogonal_(net.body[1].weight)
    return net


USUAL = pipeline(RandomRotation(8), RandomCrop(28, padding=2), ColorJitter(0.1, 0.1), RandomApply([RandomAffine(5)]))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"train_transform": USUAL}, ()),
        ({"train_transform": Compose([ToTensor(), RandomErasing(), Normalize((0.1,), (0.3,))])}, ()),
        ({"optimizer": partial(Adam, lr=0.01)}, ()),
        ({"optimizer": partial(AdamW, lr=0.01, weight_decay=0.1)}, ()),
        ({"optimizer": partial(SGD, lr=0.01, nesterov=True, momentum=0.9)}, ()),
        ({"optimizer": partial(Adam, lr=0.01, amsgrad=True)}, ("Adam",)),
        ({"optimizer": partial(NAdam, lr=0.01)}, ("NAdam",)),
        ({"train_transform": pipeline(GaussianBlur(3))}, ("GaussianBlur",)),
        ({"train_transform": pipeline(RandomApply([GaussianBlur(3)]))}, ("GaussianBlur",)),
        ({"train_transform": pipeline(RandomRotation(5), RandomPerspective())}, ("RandomPerspective",)),
    ],
)
def test_transforms_and_optimizers_that_are_not_the_courses_own_are_named(options, named):
    assert processor_dependent(capture(recipe(plain, **options))) == named


def test_operators_and_initial_draws_that_are_pytorchs_are_named():
    assert processor_dependent(capture(recipe(Gelu))) == ("gelu", "group_norm")
    assert "linalg_qr" in processor_dependent(capture(recipe(orthogonal)))
