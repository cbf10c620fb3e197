"""What a record of an inspection says, and that reading one does not wait for PyTorch."""

import subprocess
import sys
from dataclasses import replace

import pytest

from course.errors import RecipeError
from course.inspection.record import (
    MAX_STEP_COST,
    Choices,
    Inspection,
    Layer,
    Part,
    StepCost,
    TrainingPlan,
    raise_on_problems,
)

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


PLAN = TrainingPlan(
    train_transform="RandomRotation(±7°), ToTensor",
    test_transform="ToTensor",
    slow_transform="",
    optimizer="SGD(lr=0.1)",
    schedule="set at each epoch: lr from 0.1 to 0",
    rates=(0.1, 0.05, 0.0),
    loss="nll",
    steps_per_epoch=469,
)


def test_the_summary_shows_the_recipe_as_it_was_understood():
    choices = Choices(("ToTensor",), (), "SGD", has_schedule=True, label_smoothing=0.1)
    assert record(plan=PLAN, choices=choices, seconds=200.0).summary() == [
        "8,412 parameters counted: 298 in layers + 8,114 in the tensor 'hidden'",
        "receptive field: 4 px; one step: 0.00 GFLOP, 0 million elements",
        "training images: RandomRotation(±7°), ToTensor",
        "test images: ToTensor",
        "steps: 469 an epoch, of 128 images; 15 epochs",
        "optimizer: SGD(lr=0.1)",
        "schedule: set at each epoch: lr from 0.1 to 0",
        "  █▅▁",
        "loss: nll; labels smoothed by 0.1",
        "time: about 3 minutes on one core of this processor",
        "accuracies: the same for a seed on any number of cores, with AVX2 and with AVX-512",
    ]
    assert len(record().summary()) == 2  # a record of an earlier version, and of a recipe that cannot be trained


def test_a_slow_transform_is_named_with_its_minutes():
    slow = replace(PLAN, slow_transform="RandomPerspective")
    assert record(plan=slow, seconds=700.0, transform_seconds=600.0).summary()[-3:-1] == [
        "time: about 12 minutes on one core of this processor",
        "  about 10 minutes of it for transforms: RandomPerspective takes one image after the other",
    ]
    assert record(plan=PLAN, seconds=10.0).summary()[-2] == "time: less than a minute on one core of this processor"


def test_what_may_differ_from_processor_to_processor_is_named():
    plan = replace(PLAN, processor_dependent=("gelu", "NAdam"))
    assert record(plan=plan).summary()[-1] == (
        "accuracies: the same for a seed on processors of one kind; on another kind they may differ, because PyTorch "
        "computes gelu, NAdam"
    )


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
    script = f"import sys, {module}; assert not {{'torch', 'torchvision', 'llvmlite'}} & sys.modules.keys()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
