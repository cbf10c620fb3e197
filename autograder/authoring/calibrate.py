"""What each lesson's own recipe reaches, seed by seed: the limits in `rules.toml` rest on these runs.

    python -m autograder.authoring calibrate [LESSON...]   # train each worked recipe with seeds 1, 2, 3; minutes a run
    python -m autograder.authoring calibrate --seeds 5     # two more

Finished runs are kept in autograder/calibration/<lesson>.json and not trained again until the recipe or the trainer
changes, so the command can be interrupted and started again.
"""

from __future__ import annotations

import platform

import click

from autograder.authoring import lessons
from autograder.authoring.lessons import chosen_or_all, lesson_argument
from autograder.calibration import (
    Calibration,
    calibration_file,
    load_calibration,
    pass_probability,
    save_calibration,
)
from autograder.console import report_errors
from autograder.gradebook.new_course.lessons import notebook_path
from autograder.grading.read_submission import read_recipe_source
from autograder.store.records import software_versions
from course.rules import load_rules
from course.spec import Spec


def worked_spec(lesson: str) -> Spec:
    """The spec of the recipe in source/. The recipe is the course's own, so it runs in this process."""
    from course.capture import capture, run_recipe

    return capture(run_recipe(read_recipe_source(notebook_path(lessons.ROOT, "source", lesson))))


def made_with(spec: Spec, threads: int) -> dict[str, str]:
    """Everything that the result of a run depends on, besides its seed."""
    return {"spec": spec.hash, "device": "cpu", "threads": str(threads), **software_versions()}


def correct_by_epoch(spec: Spec, seed: int, threads: int) -> list[int]:
    """Train once on the CPU, and print each epoch. Returns the correct predictions on the test set, by epoch."""
    import torch

    from course import data
    from course.training.data import TrainingData
    from course.training.loop import train
    from course.training.scoring import Scorer

    mnist = data.load()
    images = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
    scorer = Scorer(mnist.test.labels, spec.loss)
    correct = []
    for result in train(spec, images, seed=seed, device=torch.device("cpu"), threads=threads, score=scorer):
        click.echo(f"seed {seed}, epoch {result.epoch} of {spec.epochs}: {result.accuracy:.2%}")
        correct.append(result.correct)
    return correct


@click.command()
@lesson_argument
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=2), help="Train with seeds 1 to SEEDS.")
@report_errors
def calibrate(chosen: tuple[str, ...], seeds: int) -> None:
    """Train the lessons' own recipes and compare the accuracy they hold with the limits. Finished runs are kept."""
    from course.inspection.checks import inspect
    from course.training.hardware import DEFAULT_THREADS

    for lesson in chosen_or_all(chosen):
        rules, spec, path = load_rules(lesson), worked_spec(lesson), calibration_file(lesson)
        calibration = Calibration(made_with(spec, DEFAULT_THREADS), platform.machine(), inspect(spec).counted)
        if path.exists() and (earlier := load_calibration(path)).made_with == calibration.made_with:
            calibration = earlier
        for seed in range(1, seeds + 1):
            if seed not in calibration.runs:
                click.echo(f"{lesson}: seed {seed} of {seeds}")
                calibration.runs[seed] = correct_by_epoch(spec, seed, DEFAULT_THREADS)
                save_calibration(path, calibration)
        click.echo(f"{lesson}: {calibration.describe(rules)}")
        share = pass_probability(calibration.held_levels(rules), rules.accuracy)
        click.echo(f"{lesson}: estimated share of runs that hold the limit of {rules.accuracy:.2%}: {share:.1%}")
