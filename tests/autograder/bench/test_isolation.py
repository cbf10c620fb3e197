"""What the sandbox adds to the capture of a recipe."""

import pytest

from autograder.bench.isolation import measure_capture
from tests.support.classroom import LEARNS


@pytest.mark.slow
def test_every_way_of_capturing_a_recipe_is_measured(tmp_path):
    path = tmp_path / "recipe.py"
    path.write_text(LEARNS)
    times = measure_capture(path, rounds=1)
    assert set(times) == {"cold", "of it importing torch", "no sandbox", "warm"}
    assert all(len(seconds) == 1 and min(seconds) > 0 for seconds in times.values())
