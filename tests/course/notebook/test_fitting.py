"""`fit` in a notebook: what it returns and prints, what it refuses before it trains, and its cache."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from course import Recipe, data, fit, inspect
from course.errors import CourseError, RecipeError, UsageError
from course.notebook import History, log_line, model_with_weights, use_cache
from course.notebook.fitting import FitRequest
from course.training.hardware import usable_cores
from course.training.results import EpochResult
from tests.support.striped_digits import LINEAR_RECIPE, LinearNet, striped_digits

RECIPE = replace(LINEAR_RECIPE, epochs=3)


@pytest.fixture(autouse=True)
def digits(monkeypatch):
    mnist = striped_digits(train=600, test=50)
    monkeypatch.setattr(data, "load", lambda: mnist)
    return mnist


@pytest.fixture
def nothing_trains(monkeypatch):
    monkeypatch.setattr("course.notebook.fitting.train", None)  # a call raises TypeError


def test_the_history_has_every_epoch_and_a_model_that_gives_the_outputs(digits):
    history = fit(RECIPE, seed=3, device="cpu")
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3]
    assert history.correct == [epoch.correct for epoch in history.epochs]
    assert (history.seed, history.device, history.threads, history.note) == (3, "cpu", usable_cores(), "")
    images = (digits.test.images[:, None] / 255 - 0.1307) / 0.3081
    assert not history.model.training
    torch.testing.assert_close(history.model(images), history.outputs, atol=1e-4, rtol=1e-4)
    assert (history.outputs.argmax(dim=1) == digits.test.labels).sum() == history.correct[-1]


def test_the_log_has_an_epoch_line_a_bar_and_the_line_of_the_test_set(capsys):
    history = fit(RECIPE, device="cpu", epochs=1)
    lines = re.split(r"[\r\n]+", capsys.readouterr().out.strip())
    assert lines[0] == "7,850 parameters counted; seed 1 on cpu"
    assert lines[1] == "EPOCH: 1"
    assert re.fullmatch(r"Loss=\d\.\d{4} Batch_id=4 Accuracy=\d+\.\d\d: 100%\|#+\| 5/5 .*", lines[-2])
    assert lines[-1] == log_line(history.epochs[0])


def test_the_line_of_the_test_set_keeps_its_usual_form():
    result = EpochResult(1, 0.01, 0.1, 59_000, 60_000, 0.01594, 9_944, 10_000)
    assert log_line(result) == "Test set: Average loss: 0.0159, Accuracy: 9944/10000 (99.44%)"


def test_a_shortened_run_is_the_beginning_of_the_whole_one():
    assert fit(RECIPE, epochs=2).epochs == fit(RECIPE).epochs[:2]


@pytest.mark.parametrize("epochs", [0, -1, 4, 1.0, "2", True])
def test_a_number_of_epochs_that_the_recipe_cannot_train_is_refused_with_its_value(epochs, nothing_trains):
    message = re.escape(f"fit(epochs=...) must be a whole number from 1 to 3, and got {epochs!r}. ")
    with pytest.raises(UsageError, match=message + "The recipe's own number"):
        fit(RECIPE, epochs=epochs)


@pytest.mark.parametrize(
    ("argument", "value", "limits"),
    [
        *(("seed", value, "from 0 to 18,446,744,073,709,551,615") for value in (-1, 2**64, 1.5, None, True)),
        *(("threads", value, "from 1 to 1,024") for value in (0, -2, 1025, 1.0, False)),
    ],
)
def test_a_seed_or_thread_count_that_pytorch_cannot_use_is_refused_with_its_value(
    argument, value, limits, nothing_trains
):
    message = f"fit({argument}=...) must be a whole number {limits}, and got {value!r}."
    with pytest.raises(UsageError, match=re.escape(message)):
        fit(RECIPE, **{argument: value})


@pytest.mark.parametrize("seed", [0, 2**64 - 1, np.int64(5)])
def test_every_seed_within_the_limits_trains(seed):
    assert fit(RECIPE, seed=seed, epochs=1).seed == seed


def test_an_unknown_device_is_answered_with_those_that_exist(nothing_trains):
    with pytest.raises(UsageError, match=r"'tpu' is not known\. Use auto, cpu or cuda"):
        fit(RECIPE, device="tpu")


def test_what_is_no_recipe_is_refused(nothing_trains):
    with pytest.raises(RecipeError):
        fit(LinearNet)


def test_nothing_is_trained_while_nbgrader_runs_the_notebook(monkeypatch, capsys, nothing_trains):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    history = fit(RECIPE, seed=5, device="cpu")
    assert history == History(5, "cpu", usable_cores(), None, note=history.note)
    assert capsys.readouterr().out == history.note + "\n" and "Nothing is trained" in history.note
    assert "Nothing is trained" in fit(RECIPE, device="cuda").note  # also without a GPU


def test_a_recipe_that_would_be_refused_is_refused_before_training(nothing_trains):
    logits = replace(RECIPE, model=lambda: nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10)))
    with pytest.raises(RecipeError, match="outputs are not log-probabilities"):
        fit(logits)


def test_inspect_prints_the_count_and_the_receptive_field_and_returns_the_inspection(capsys):
    inspection = inspect(RECIPE)
    assert inspection.counted == 7_850
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("7,850 parameters counted: ")
    assert lines[1].startswith(f"receptive field: {inspection.receptive_field} px; one step: ")


def test_inspect_says_how_the_weights_are_trained_where_that_is_not_as_usual(capsys):
    inspect(replace(RECIPE, label_smoothing=0.1, clip_norm=2, average="ema"))
    assert (
        "loss: nll; labels smoothed by 0.1; gradients clipped to a norm of 2; tested with an average of the weights, "
        "of which a step keeps 0.99\n"
    ) in capsys.readouterr().out
    inspect(RECIPE)
    assert "\nloss: nll\n" in capsys.readouterr().out


def test_inspect_ends_with_remarks(capsys):
    inspect(replace(RECIPE, loss="cross_entropy"))
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.match(r'Remark: Line \d+: loss="cross_entropy" applies log_', last)
    assert inspect(RECIPE).advice == () and "Remark" not in capsys.readouterr().out


# --- the trained model


def test_the_model_has_the_averaged_weights_that_gave_the_outputs(digits):
    history = fit(replace(RECIPE, average="ema", average_decay=0.9), device="cpu")
    images = (digits.test.images[:, None] / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(history.model(images), history.outputs, atol=1e-4, rtol=1e-4)
    assert (history.outputs.argmax(dim=1) == digits.test.labels).sum() == history.correct[-1]
    assert not torch.allclose(history.outputs, fit(RECIPE, device="cpu").outputs, atol=1e-2)


class Tied(nn.Module):
    """A layer under two names."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.alias = self.fc
        self.norm = nn.BatchNorm1d(4)


def test_weights_go_into_a_fresh_model_and_a_second_name_needs_no_second_value():
    recipe = Recipe(model=Tied, optimizer=RECIPE.optimizer)
    weights = {name: torch.full((4, 4) if name == "fc.weight" else (4,), 2.0) for name in TIED_WEIGHTS}
    model = model_with_weights(recipe, weights)
    assert torch.equal(model.alias.weight, weights["fc.weight"]) and not model.training
    del weights["norm.running_var"]
    with pytest.raises(CourseError, match=r"no value for 'norm\.running_var'"):
        model_with_weights(recipe, weights)


TIED_WEIGHTS = ("fc.weight", "fc.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var")


# --- the cache


class Remembered:
    """A cache that trains the first time and then returns that history."""

    def __init__(self):
        self.requests, self.history = [], None

    def fetch(self, request, train):
        self.requests.append(request)
        self.history = self.history or train()
        return self.history


@pytest.fixture
def cache():
    cache = Remembered()
    use_cache(cache)
    yield cache
    use_cache(None)


def test_a_cache_is_asked_with_the_checked_request_before_anything_is_trained(cache, monkeypatch):
    first = fit(RECIPE, seed=2, device="cpu", epochs=1)
    monkeypatch.setattr("course.notebook.fitting.train", None)
    assert fit(RECIPE, seed=2, device="cpu", epochs=1) is first
    request, again = cache.requests
    assert request == again
    assert isinstance(request, FitRequest)
    assert (request.recipe, request.seed, request.device, request.threads) == (
        RECIPE,
        2,
        torch.device("cpu"),
        usable_cores(),
    )
    assert (request.spec.epochs, request.epochs) == (3, 1)
    assert request.inspection == first.inspection


def test_a_cache_is_not_asked_for_what_is_refused_or_not_trained(cache, monkeypatch):
    with pytest.raises(UsageError):
        fit(RECIPE, epochs=0)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    fit(RECIPE)
    assert cache.requests == []


def test_without_a_cache_every_fit_trains(cache, monkeypatch):
    use_cache(None)
    assert fit(RECIPE, epochs=1) is not fit(RECIPE, epochs=1)
    assert cache.requests == []
