"""`fit` with a cache: the same training is not run twice, and what is cached is what was trained."""

from dataclasses import replace

import pytest
import torch

from autograder.authoring.solution_cache import SolutionCache
from course import data, notebook
from tests.support.striped_digits import LINEAR_RECIPE, striped_digits

RECIPE = replace(LINEAR_RECIPE, epochs=2)


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    mnist = striped_digits(train=300, test=300)
    monkeypatch.setattr(data, "load", lambda: mnist)


class CountingCache(SolutionCache):
    """Counts the trainings that are really run."""

    trained = 0

    def fetch(self, request, train):
        def counted():
            type(self).trained += 1
            return train()

        return super().fetch(request, counted)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(CountingCache, "trained", 0)
    cache = CountingCache(tmp_path / "cache")
    notebook.use_cache(cache)
    yield cache
    notebook.use_cache(None)


def test_a_finished_training_is_not_run_again_and_its_log_weights_and_outputs_come_back(cache, capsys):
    first, log = notebook.fit(RECIPE, seed=3), capsys.readouterr().out
    again, shown = notebook.fit(RECIPE, seed=3), capsys.readouterr().out
    assert cache.trained == 1
    assert shown == log and log.count("Test set") == 2
    assert again.epochs == first.epochs and again.inspection == first.inspection and again.seed == 3
    assert torch.equal(again.outputs, first.outputs)
    assert torch.equal(again.model.fc.weight, first.model.fc.weight) and not again.model.training


@pytest.mark.parametrize(
    ("recipe", "options"),
    [(RECIPE, {"seed": 4}), (RECIPE, {"epochs": 1}), (replace(RECIPE, batch_size=50), {})],
)
def test_what_differs_in_anything_is_trained(cache, recipe, options):
    notebook.fit(RECIPE)
    notebook.fit(recipe, **options)
    assert cache.trained == 2


def test_on_another_number_of_cores_nothing_is_trained_again(cache):
    notebook.fit(RECIPE, threads=1)
    notebook.fit(RECIPE, threads=2)
    assert cache.trained == 1


def test_where_nothing_is_trained_nothing_is_kept(cache, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert not notebook.fit(RECIPE).epochs
    monkeypatch.delenv("NBGRADER_EXECUTION")
    assert notebook.fit(RECIPE).epochs
