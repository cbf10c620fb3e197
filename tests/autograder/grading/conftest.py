"""What the tests of grading share: gradings in processes that are warm, and a file with a small recipe."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from autograder.grading import pipeline
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.store.records import Result
from autograder.workers.client import WorkerPool
from tests.support.recipes import TINY


@pytest.fixture
def grade(recipe_sandbox: RecipeSandbox, workers: WorkerPool) -> Callable[..., Result]:
    """`pipeline.grade` with processes that are warm."""
    return partial(pipeline.grade, recipe_sandbox=recipe_sandbox, workers=workers)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path
