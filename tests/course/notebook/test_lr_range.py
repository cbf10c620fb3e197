"""The rate-range test: its rates, where it ends, and what it leaves alone."""

import re
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from course import data, rate_range
from course.errors import RecipeError, UsageError
from course.notebook.lr_range import running_mean
from tests.support.striped_digits import LINEAR_RECIPE, LinearNet, striped_digits

RECIPE = LINEAR_RECIPE


@pytest.fixture(autouse=True)
def digits(monkeypatch):
    mnist = striped_digits(train=60_000, test=50)
    monkeypatch.setattr(data, "load", lambda: mnist)


def test_the_rates_climb_by_the_same_factor_from_the_lowest_to_the_highest():
    result = rate_range(RECIPE, lowest=1e-4, highest=0.1, steps=31)
    assert len(result.rates) == len(result.losses) == 31
    assert (result.rates[0], result.rates[-1]) == pytest.approx((1e-4, 0.1))
    assert [b / a for a, b in zip(result.rates, result.rates[1:], strict=False)] == pytest.approx([10**0.1] * 30)


def test_the_loss_hardly_moves_at_the_lowest_rates_and_falls_at_usual_ones():
    result = rate_range(RECIPE, lowest=1e-7, highest=0.1, steps=60)
    means = running_mean(result.losses)
    assert means[20] == pytest.approx(means[0], abs=0.1)
    assert means[-1] < means[0] - 1


def test_a_run_that_diverges_is_kept_up_to_there():
    decaying = replace(RECIPE, optimizer=partial(SGD, lr=0.05, weight_decay=0.1))  # beyond a rate of 20 it overshoots
    result = rate_range(decaying, lowest=1e-3, highest=1e6, steps=60)
    assert 10 < len(result.losses) == len(result.rates) < 60
    assert max(result.losses) <= 1e6


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
    result = rate_range(RECIPE)
    assert not result.losses and "Nothing is trained" in result.note
    assert "Nothing is trained" in rate_range(RECIPE, device="cuda").note  # also without a GPU


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *(
            ({name: value}, f"rate_range({name}=...) must be a finite number above zero, and got {value!r}.")
            for name in ("lowest", "highest")
            for value in (0.0, -1e-4, float("inf"), float("nan"), True, "0.1", None)
        ),
        ({"lowest": 1.0, "highest": 0.1}, "rate_range(lowest=1, highest=0.1): lowest must be below highest."),
        ({"lowest": 0.1, "highest": 0.1}, "rate_range(lowest=0.1, highest=0.1): lowest must be below highest."),
        *(
            ({"steps": value}, f"rate_range(steps=...) must be a whole number from 10 to 469, and got {value!r}.")
            for value in (0, 9, 470, -300, 30.0, True, "30", None)
        ),
        ({"seed": -1}, "rate_range(seed=...) must be a whole number from 0 to 18,446,744,073,709,551,615, and got -1."),
        ({"threads": 0}, "rate_range(threads=...) must be a whole number from 1 to 1,024, and got 0."),
        ({"device": "tpu"}, "The device 'tpu' is not known. Use auto, cpu or cuda."),
    ],
)  # fmt: skip
def test_an_argument_that_cannot_be_used_is_refused_with_its_value_and_limits(arguments, message, monkeypatch):
    monkeypatch.setattr("course.notebook.lr_range.train", None)  # a call raises TypeError
    with pytest.raises(UsageError, match=re.escape(message)):
        rate_range(RECIPE, **arguments)


def test_a_batch_size_that_leaves_too_few_steps_is_named():
    with pytest.raises(UsageError, match=r"needs 10 steps in an epoch, and batch_size=8,192 makes 8"):
        rate_range(replace(RECIPE, batch_size=8192))


def test_what_is_no_recipe_is_refused():
    with pytest.raises(RecipeError, match=r"a Recipe\(\.\.\.\) is needed"):
        rate_range(LinearNet)


def test_an_optimizer_that_stands_still_cannot_climb():
    with pytest.raises(UsageError, match="above zero"):
        rate_range(replace(RECIPE, optimizer=partial(SGD, lr=0.0)))


def test_a_recipe_that_cannot_be_trained_is_refused_as_ever():
    with pytest.raises(RecipeError):
        rate_range(replace(RECIPE, optimizer=partial(torch.optim.LBFGS, lr=0.1)))


def test_the_running_mean_starts_at_the_first_loss_and_forgets():
    assert running_mean([2.0]) == [2.0]
    assert running_mean([2.0, 4.0], decay=0.5) == pytest.approx([2.0, (0.5 * 2 + 4) / 1.5])
    assert running_mean([9.0] + [1.0] * 200)[-1] == pytest.approx(1.0)
