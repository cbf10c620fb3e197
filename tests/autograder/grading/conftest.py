"""What the tests of grading share: processes that stay warm from test to test, and a file with a small recipe."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from autograder.grading import pipeline
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.sandbox import best_tier
from autograder.store.records import Result
from autograder.workers.client import WorkerPool
from tests.support.recipes import TINY


@pytest.fixture(scope="session")
def recipe_sandbox() -> Iterator[RecipeSandbox]:
    with RecipeSandbox(best_tier(), warm=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def workers() -> Iterator[WorkerPool]:
    with WorkerPool(warm=True) as opened:
        yield opened


@pytest.fixture
def grade(recipe_sandbox: RecipeSandbox, workers: WorkerPool) -> Callable[..., Result]:
    """`pipeline.grade` with processes that are warm."""
    return partial(pipeline.grade, recipe_sandbox=recipe_sandbox, workers=workers)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path
