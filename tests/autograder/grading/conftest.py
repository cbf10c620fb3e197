"""What the tests of grading share: a warm sandbox for recipes, and a file with a small recipe."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.sandbox import best_tier
from tests.support.recipes import TINY


@pytest.fixture(scope="module")
def recipe_sandbox() -> Iterator[RecipeSandbox]:
    with RecipeSandbox(best_tier(), warm=True) as opened:
        yield opened


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return path
