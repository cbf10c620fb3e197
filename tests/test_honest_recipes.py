"""Honest recipes are accepted, and counted right: a check that is tightened must not lose one of them."""

import pytest
import torch
from torch import nn

from course.capture import capture, initialise_lazy_layers
from course.inspection.checks import inspect
from course.rules import load_rules, refusals
from course.training.data import TrainingData
from course.training.loop import Run
from tests.support.honest_recipes import HONEST

IMAGES = 200


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def blank():
    images = torch.zeros(IMAGES, 28, 28, dtype=torch.uint8)
    return TrainingData(images, torch.zeros(IMAGES, dtype=torch.int64), images)


def own_parameters(model: nn.Module) -> int:
    initialise_lazy_layers(model)
    return sum(parameter.numel() for parameter in model.parameters())


def test_there_are_many_of_them():
    assert len(HONEST) >= 220


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_recipe_is_accepted_and_its_parameters_are_counted(name, blank):
    recipe = HONEST[name].build()
    spec = capture(recipe)
    inspection = inspect(spec)
    assert refusals(load_rules("challenge"), inspection) == []
    assert inspection.counted == own_parameters(recipe.model()) + HONEST[name].extra
    # the trainer builds transforms, optimizer and schedule before its first step, and refuses what cannot be built
    Run(spec, blank, seed=1, device=torch.device("cpu"))
