"""`fit` with a memory: the same training is not run twice, and what is remembered is what was trained."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD

from autograder.authoring.solution_cache import keeping
from course import Recipe, data, notebook


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x):
        return F.log_softmax(self.fc(x.flatten(1)), dim=1)


RECIPE = Recipe(model=Line, optimizer=partial(SGD, lr=0.05), epochs=2)


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (300, 28, 28), generator=draw, dtype=torch.uint8)
    some = data.Digits(images, torch.arange(300) % 10)
    monkeypatch.setattr(data, "load", lambda: data.MNIST(train=some, test=some))


@pytest.fixture
def fit(tmp_path):
    """`fit` with a memory; `fit.trained` counts what was really trained."""

    def counted(*arguments, **options):
        fit.trained += 1
        return notebook.fit(*arguments, **options)

    fit = keeping(counted, tmp_path / "kept")
    fit.trained = 0
    return fit


def test_a_finished_training_is_not_run_again_and_its_log_weights_and_outputs_come_back(fit, capsys):
    first, log = fit(RECIPE, seed=3), capsys.readouterr().out
    again, shown = fit(RECIPE, seed=3), capsys.readouterr().out
    assert fit.trained == 1
    assert shown == log and log.count("Test set") == 2
    assert again.epochs == first.epochs and again.inspection == first.inspection and again.seed == 3
    assert torch.equal(again.outputs, first.outputs)
    assert torch.equal(again.model.fc.weight, first.model.fc.weight) and not again.model.training


@pytest.mark.parametrize(
    ("recipe", "options"),
    [(RECIPE, {"seed": 4}), (RECIPE, {"epochs": 1}), (RECIPE, {"threads": 2}), (replace(RECIPE, batch_size=50), {})],
)
def test_what_differs_in_anything_is_trained(fit, recipe, options):
    fit(RECIPE)
    fit(recipe, **options)
    assert fit.trained == 2


def test_where_nothing_is_trained_nothing_is_kept(fit, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert not fit(RECIPE).epochs
    monkeypatch.delenv("NBGRADER_EXECUTION")
    assert fit(RECIPE).epochs
