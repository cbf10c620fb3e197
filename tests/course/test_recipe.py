"""A recipe refuses what cannot be trained at the moment it is written, and says what to write instead."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from course.errors import RecipeError
from course.recipe import MNIST_MEAN, MNIST_STD, Recipe, default_transform, require_recipe, watching


def build(**options) -> Recipe:
    return Recipe(**{"model": nn.Identity, "optimizer": partial(SGD, lr=0.1), **options})


def test_a_model_that_is_already_built_is_refused_when_the_recipe_is_made():
    with pytest.raises(RecipeError, match="already built"):
        build(model=nn.Linear(784, 10))


REFUSED = {
    "model": ({"model": 3}, r"Recipe\(model=\.\.\.\) needs something that can be called, and got int.*model=Net"),
    "optimizer": ({"optimizer": 0.1}, r"got float. For example: optimizer=partial\(torch.optim.SGD"),
    "scheduler": ({"scheduler": "step"}, "got str. For example: scheduler=partial"),
    "name_of_an_optimizer": ({"optimizer": "adam"}, "got str.* The class itself is needed, and not its name"),
    "built_optimizer": (
        {"optimizer": SGD([nn.Parameter(torch.zeros(1))], lr=0.1)},
        "got SGD.* already built: the grader builds its own, for its own network",
    ),
    "option_of_the_optimizer": ({"lr": 0.1}, r"no option 'lr'.* optimizer=partial\(torch.optim.SGD, lr=0.01\)"),
    "scheduler_step": ({"scheduler_step": "step"}, '"epoch" or "batch", and got \'step\''),
    "loss": ({"loss": "hinge"}, '"nll" or "cross_entropy", and got \'hinge\''),
    "loss_in_capitals": ({"loss": "NLLLoss"}, r'got \'NLLLoss\'. Write Recipe\(loss="nll"\)'),
    "loss_of_pytorch": (
        {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
        r'got CrossEntropyLoss\(\). Write Recipe\(loss="cross_entropy", label_smoothing=0.1\)',
    ),
    "loss_function": ({"loss": nn.functional.nll_loss}, r'Write Recipe\(loss="nll"\)\.'),
    "loss_with_a_penalty_by_hand": ({"loss": lambda *given: 0}, "A loss of your own cannot .* weight_decay=1e-4"),
    "smoothing_of_everything": ({"label_smoothing": 1}, "a number from 0 to below 1, and got 1. Usual is 0.1"),
    "negative_smoothing": ({"label_smoothing": -0.1}, "from 0 to below 1, and got -0.1"),
    "smoothing_as_none": ({"label_smoothing": None}, "from 0 to below 1, and got None"),
    "flag_for_smoothing": ({"label_smoothing": True}, "from 0 to below 1, and got True"),
    "norm_of_nothing": ({"clip_norm": 0.0}, "a finite number above 0, or None, and got 0.0. Usual is 1.0"),
    "norm_without_end": ({"clip_norm": float("inf")}, "a finite number above 0, or None, and got inf"),
    "norm_that_is_no_number": ({"clip_norm": float("nan")}, "and got nan"),
    "norm_as_text": ({"clip_norm": "1.0"}, "and got '1.0'"),
    "norm_beyond_floats": ({"clip_norm": 10**400}, "a finite number above 0, or None, and got 1000"),
    "unknown_average": ({"average": "swa"}, "\"ema\", or None for no average, and got 'swa'"),
    "flag_for_the_average": ({"average": True}, '"ema", or None for no average, and got True'),
    "decay_without_an_average": (
        {"average_decay": 0.99},
        r'average_decay=0.99\) is given, and nothing .* average="ema"',
    ),
    "decay_of_one": ({"average": "ema", "average_decay": 1}, "a number between 0 and 1, or None, and got 1. 0.99 aver"),
    "decay_as_text": ({"average": "ema", "average_decay": "0.9"}, "and got '0.9'"),
    "misspelled": ({"batchsize": 64}, r"no option 'batchsize'. Did you mean batch_size=...\?"),
    "moving_average": ({"ema_decay": 0.999}, r'no option \'ema_decay\'. Recipe\(average="ema", average_decay=0.99\)'),
    "stochastic_weight_averaging": ({"swa": True}, r'no option \'swa\'. Recipe\(average="ema"'),
    "mixup": ({"mixup_alpha": 0.2}, r"Nothing mixes images and their labels here; Recipe\(label_smoothing=0.1\)"),
    "penalty_by_hand": ({"l1_lambda": 1e-5}, "no option 'l1_lambda'. A loss of your own .* weight_decay=1e-4"),
    "clipping": ({"max_grad_norm": 1.0}, r"no option 'max_grad_norm'. Recipe\(clip_norm=1.0\)"),
    "something_else": (
        {"patience": 3},
        "What belongs to the optimizer or to its scheduler is given there. It has model,",
    ),
    "no_epochs": ({"epochs": 0}, "from 1 to 1,000, and got 0"),
    "fraction_of_an_epoch": ({"epochs": 1.5}, "from 1 to 1,000, and got 1.5"),
    "flag_for_epochs": ({"epochs": True}, "from 1 to 1,000, and got True"),
    "giant_batch": ({"batch_size": 8193}, "from 1 to 8,192, and got 8193"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_field_that_cannot_be_used_is_refused_with_its_value_and_what_is_needed(case):
    options, message = REFUSED[case]
    with pytest.raises(RecipeError, match=message):
        build(**options)


def test_a_field_that_is_missing_is_named_with_an_example():
    with pytest.raises(RecipeError, match=r"Recipe needs optimizer as well, for example Recipe\(optimizer=partial\("):
        Recipe(nn.Identity)
    with pytest.raises(RecipeError, match=r"Recipe needs model as well, for example Recipe\(model=Net\)\."):
        Recipe(optimizer=SGD)
    with pytest.raises(RecipeError, match=r"Recipe needs model and optimizer as well, .*model=Net, optimizer=partial"):
        Recipe()


def test_a_recipe_can_be_copied():
    recipe = build(epochs=3)
    assert copy.copy(recipe) == replace(recipe) == recipe


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0},
        {"label_smoothing": 0.999},
        {"clip_norm": 1},
        {"clip_norm": 1e-9},
        {"average": "ema"},
        {"average": "ema", "average_decay": 0.5},
    ],
)
def test_how_weights_are_trained_can_be_changed(options):
    recipe = build(**options)
    assert {name: getattr(recipe, name) for name in options} == options


def test_the_limits_themselves_are_allowed():
    recipe = build(epochs=1000, batch_size=8192, scheduler_step="batch", loss="cross_entropy")
    assert (recipe.epochs, recipe.batch_size) == (1000, 8192)


def test_watching_takes_three_metrics_and_calls_the_scheduler_with_the_optimizer():
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    assert isinstance(watching("validation_loss", partial(ReduceLROnPlateau, patience=1))(optimizer), ReduceLROnPlateau)
    with pytest.raises(RecipeError, match="train_loss, validation_loss, test_loss, but not 'accuracy'"):
        watching("accuracy", StepLR)


def test_the_default_transform_scales_to_one_and_normalises():
    pixels = torch.tensor([[0, 255]], dtype=torch.uint8).numpy()
    black, white = default_transform()(pixels).flatten().tolist()
    assert black == pytest.approx(-MNIST_MEAN / MNIST_STD)
    assert white == pytest.approx((1 - MNIST_MEAN) / MNIST_STD)


def test_only_a_recipe_is_taken_for_a_recipe():
    recipe = build()
    assert require_recipe(recipe) is recipe
    with pytest.raises(RecipeError, match=r"`recipe` is dict, and a Recipe\(...\) is needed"):
        require_recipe({})
