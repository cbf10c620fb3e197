"""The rate-range test: its rates, where it ends, and what it leaves alone."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from course import Recipe, data, rate_range
from course.errors import RecipeError, UsageError
from course.notebook.lr_range import smoothed


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x):
        return F.log_softmax(self.fc(x.flatten(1)), dim=1)


RECIPE = Recipe(model=Line, optimizer=partial(SGD, lr=0.05, momentum=0.9))


@pytest.fixture(autouse=True)
def noise(monkeypatch):
    """Images of noise, whose label is the place of a bright bar."""
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 60, (60_000, 28, 28), generator=draw, dtype=torch.uint8)
    labels = torch.arange(60_000) % 10
    images[torch.arange(60_000), 2 * labels] = 220
    some = data.Digits(images, labels)
    monkeypatch.setattr(data, "load", lambda: data.MNIST(train=some, test=data.Digits(images[:50], labels[:50])))


def test_the_rates_climb_by_the_same_factor_from_the_lowest_to_the_highest():
    found = rate_range(RECIPE, lowest=1e-4, highest=0.1, steps=31)
    assert len(found.rates) == len(found.losses) == 31
    assert (found.rates[0], found.rates[-1]) == pytest.approx((1e-4, 0.1))
    assert [b / a for a, b in zip(found.rates, found.rates[1:], strict=False)] == pytest.approx([10**0.1] * 30)


def test_the_loss_hardly_moves_at_the_lowest_rates_and_falls_at_usual_ones():
    found = rate_range(RECIPE, lowest=1e-7, highest=0.1, steps=60)
    means = smoothed(found.losses)
    assert means[20] == pytest.approx(means[0], abs=0.1)
    assert means[-1] < means[0] - 1


def test_a_run_that_diverges_is_kept_up_to_there():
    decaying = replace(RECIPE, optimizer=partial(SGD, lr=0.05, weight_decay=0.1))  # beyond a rate of 20 it overshoots
    found = rate_range(decaying, lowest=1e-3, highest=1e6, steps=60)
    assert 10 < len(found.losses) == len(found.rates) < 60
    assert max(found.losses) <= 1e6


def test_the_same_seed_gives_the_same_losses_and_another_seed_others():
    short = partial(rate_range, RECIPE, steps=12)
    assert short(seed=3) == short(seed=3)
    assert short(seed=3).losses != short(seed=4).losses


def test_the_recipes_own_schedule_makes_no_difference_and_groups_keep_their_proportion():
    with_schedule = replace(RECIPE, scheduler=partial(OneCycleLR, max_lr=0.5, total_steps=15 * 469))
    assert rate_range(with_schedule, steps=12) == rate_range(RECIPE, steps=12)

    def halved(named):
        named = list(named)
        return SGD([{"params": named[:1], "lr": 0.2}, {"params": named[1:], "lr": 0.0}], lr=0.1)

    frozen_bias = rate_range(replace(RECIPE, optimizer=halved), steps=12)
    assert frozen_bias.losses[0] == rate_range(RECIPE, steps=12).losses[0]
    assert frozen_bias.losses[-1] != rate_range(RECIPE, steps=12).losses[-1]


def test_nothing_is_trained_while_nbgrader_runs_the_notebook(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    found = rate_range(RECIPE)
    assert not found.losses and "Nothing is trained" in found.note


@pytest.mark.parametrize("wrong", [{"lowest": 0.0}, {"lowest": 1.0, "highest": 0.1}, {"highest": float("inf")}])
def test_rates_that_cannot_climb_are_refused_with_their_values(wrong):
    with pytest.raises(UsageError, match="above zero and below the second"):
        rate_range(RECIPE, **wrong)


@pytest.mark.parametrize("steps", [0, 9, 470])
def test_more_steps_than_an_epoch_has_or_too_few_are_refused(steps):
    with pytest.raises(UsageError, match=f"{steps} steps were asked for, and 10 to 469"):
        rate_range(RECIPE, steps=steps)


def test_an_optimizer_that_stands_still_cannot_climb():
    with pytest.raises(UsageError, match="above zero"):
        rate_range(replace(RECIPE, optimizer=partial(SGD, lr=0.0)))


def test_a_recipe_that_cannot_be_trained_is_refused_as_ever():
    with pytest.raises(RecipeError):
        rate_range(replace(RECIPE, optimizer=partial(torch.optim.LBFGS, lr=0.1)))


def test_the_running_mean_starts_at_the_first_loss_and_forgets():
    assert smoothed([2.0]) == [2.0]
    assert smoothed([2.0, 4.0], keep=0.5) == pytest.approx([2.0, (0.5 * 2 + 4) / 1.5])
    assert smoothed([9.0] + [1.0] * 200)[-1] == pytest.approx(1.0)
