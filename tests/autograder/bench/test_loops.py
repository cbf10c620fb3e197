"""Both loops of the benchmark really train, round after round."""

import pytest

from autograder.bench.loops import LOOPS
from course import data
from course.capture import run_recipe
from tests.support.classroom import LEARNS


@pytest.mark.slow
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_measures_training_and_evaluation_in_every_round(name):
    data.ensure()
    with LOOPS[name](run_recipe(LEARNS)) as one_round:
        for _ in range(2):
            times = one_round(2, 50, 2)
            assert times["training"] > 0 and times["evaluation"] > 0
    assert name != "ours" or sum(times["shares"].values()) == pytest.approx(1)
