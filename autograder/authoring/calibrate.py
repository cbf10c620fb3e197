"""What a lesson's own recipe reaches, seed by seed: what the limits in `rules.toml` rest on.

    python -m autograder.authoring.calibrate [LESSON...]   # train each worked recipe with seeds 1, 2, 3; minutes a run
    python -m autograder.authoring.calibrate --seeds 5     # with two more

Finished runs are kept in autograder/calibration/<lesson>.json, and are not trained again until the recipe or the
trainer changes: the command can be interrupted and started again.
"""

from __future__ import annotations

import platform
from pathlib import Path

import click

from autograder.authoring import lessons
from autograder.authoring.lessons import ROOT
from autograder.calibration import Calibration, chance, load, path_of, save
from autograder.console import report_errors
from autograder.grading.submission import read_recipe_source
from autograder.store.records import versions
from course.rules import load_rules
from course.spec import Spec


def worked_spec(lesson: str, root: Path = ROOT) -> Spec:
    """The recipe in source/, which is the course's own and so runs here."""
    from autograder.workers.recipe import run_recipe
    from course.capture import capture

    return capture(run_recipe(read_recipe_source(lessons.notebook(root, "source", lesson)).source))


def made_with(spec: Spec, threads: int) -> dict[str, str]:
    return {"spec": spec.hash, "device": "cpu", "threads": str(threads), **versions()}


def right_answers(spec: Spec, seed: int, threads: int) -> list[int]:
    """Train once, by the course's own loop on the CPU, saying each epoch."""
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


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@lessons.lesson_argument
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=2), help="Train with seeds 1 to N.")
@report_errors
def main(chosen: tuple[str, ...], seeds: int) -> None:
    """Train the lessons' own recipes and say how far above their limits they are. Finished runs are kept."""
    from course.inspection import inspect
    from course.training import devices

    for lesson in lessons.chosen_or_all(chosen):
        rules, spec, path = load_rules(lesson), worked_spec(lesson), path_of(lesson)
        now = Calibration(made_with(spec, devices.DEFAULT_THREADS), platform.machine(), inspect(spec).counted)
        if path.exists() and load(path).made_with == now.made_with:
            now = load(path)
        for seed in range(1, seeds + 1):
            if seed not in now.runs:
                click.echo(f"{lesson}: seed {seed} of {seeds}")
                now.runs[seed] = right_answers(spec, seed, devices.DEFAULT_THREADS)
                save(path, now)
        click.echo(f"{lesson}: {now.in_words(rules)}")
        said = f"{chance(now.levels(rules), rules.accuracy):.1%} of its runs hold the limit of {rules.accuracy:.2%}"
        click.echo(f"{lesson}: by these numbers {said}")


if __name__ == "__main__":
    main()
