"""What a record of an inspection says, and that reading one does not wait for PyTorch."""

import subprocess
import sys

import pytest

from course.errors import RecipeError
from course.inspection.record import MAX_STEP_COST, Inspection, Layer, Part, StepCost, raise_on_problems

PARTS = (
    Part("parameter", "conv.weight", 290),
    Part("parameter", "conv.bias", 8),
    Part("buffer", "the tensor 'hidden'", 8_000),
    Part("constant", "the tensor 'hidden'", 114),
    Part("literals", "numbers in the code", 0),
)
LAYERS = (Layer("conv", "conv2d", (8, 26, 26), 298, 3), Layer("pool", "max_pool2d", (8, 13, 13), 0, 4))


def record(**changes) -> Inspection:
    values = {"parts": PARTS, "layers": LAYERS, "problems": (), "leaks": ()} | changes
    return Inspection(spec_hash="0" * 64, work=StepCost(1, 1, 1), epochs=15, batch_size=128, **values)


def test_the_count_is_told_part_by_part():
    assert record().counted == 290 + 8 + 8_000 + 114
    assert record().describe_count() == "298 in layers + 8,114 in the tensor 'hidden'"


def test_the_largest_receptive_field_counts_and_without_layers_it_is_a_pixel():
    assert record().receptive_field == 4
    assert record(layers=()).receptive_field == 1


def test_the_share_of_a_step_is_that_of_the_limit_that_is_nearest():
    assert MAX_STEP_COST.share() == 1
    assert MAX_STEP_COST.scaled(0.25).share() == 0.25
    assert StepCost(0, MAX_STEP_COST.elements * 2, 0).share() == 2


def test_the_first_problem_is_raised_and_nothing_where_there_is_none():
    with pytest.raises(RecipeError, match=r"^first\Z"):
        raise_on_problems(record(problems=("first", "second")))
    raise_on_problems(record())


@pytest.mark.parametrize(
    "module",
    [
        "autograder.batch.local",
        "autograder.cli.main",
        "autograder.grading.pipeline",
        "autograder.gradebook.audit",
        "autograder.leaderboard.app",
        "autograder.nbgrader_plugins.trained_score",
        "course.inspection.record",
    ],
)
def test_who_reads_records_and_starts_processes_does_not_load_pytorch(module):
    script = f"import sys, {module}; assert not {{'torch', 'torchvision', 'numba'}} & sys.modules.keys()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
