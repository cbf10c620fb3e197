"""What a lesson's own recipe reaches, seed by seed: what the limits in `rules.toml` rest on.

    python -m autograder.calibrate [LESSON...]         # train each worked recipe with seeds 1, 2, 3; minutes a run
    python -m autograder.calibrate --seeds 5           # with two more

Finished runs are kept in autograder/calibration/<lesson>.json, and are not trained again until the recipe or the
trainer changes: the command can be interrupted and started again.
"""

from __future__ import annotations

import json
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import click

from autograder import lessons
from autograder.cli import told_plainly
from autograder.lessons import ROOT
from autograder.result import versions
from autograder.submission import read_submission
from course.rules import Rules, held_level, load_rules
from course.spec import Spec

FOLDER = Path(__file__).parent / "calibration"  # inside the package: the leaderboard shows them

# From seed to seed one recipe spreads by about so much (a fraction of the test digits). Few runs may agree by chance:
# a smaller spread than this is not believed.
USUAL_SPREAD = 0.0005


@dataclass
class Calibration:
    """Runs of one recipe: seed -> right answers on the test set, epoch by epoch. `made_with` is all they depend on.

    `counted` is the recipe's number of parameters.
    """

    made_with: dict[str, str]
    machine: str = ""
    counted: int = 0
    runs: dict[int, list[int]] = field(default_factory=dict)

    def levels(self, rules: Rules) -> list[float]:
        """For each run the accuracy that it held for as many consecutive epochs as the rules ask."""
        return [held_level(run, rules.hold) / 10_000 for run in self.runs.values()]

    def in_words(self, rules: Rules) -> str:
        """`held 99.21 99.30 99.25; mean 99.25 %, spread 0.05 points, n = 3`"""
        levels = self.levels(rules)
        shown = " ".join(f"{100 * level:.2f}" for level in levels)
        spread = f"{100 * statistics.stdev(levels):.2f} points" if len(levels) > 1 else "unknown"
        return f"held {shown}; mean {100 * statistics.mean(levels):.2f} %, spread {spread}, n = {len(levels)}"


def chance(levels: list[float], accuracy: float) -> float:
    """How likely one more run of the recipe holds `accuracy`, if its level is normally distributed.

    The mean of a few runs is uncertain itself, which widens the distribution.
    """
    spread = max(statistics.stdev(levels), USUAL_SPREAD) * (1 + 1 / len(levels)) ** 0.5
    return 1 - statistics.NormalDist(statistics.mean(levels), spread).cdf(accuracy)


def path_of(lesson: str, folder: Path = FOLDER) -> Path:
    return folder / f"{lesson}.json"


def load(path: Path) -> Calibration:
    """What was kept there."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    runs = {int(seed): correct for seed, correct in kept["runs"].items()}
    return Calibration(kept["made_with"], kept["machine"], kept["counted"], runs)


def save(path: Path, calibration: Calibration) -> None:
    runs = ",\n".join(f'    "{seed}": {correct}' for seed, correct in sorted(calibration.runs.items()))
    told = {"made_with": calibration.made_with, "machine": calibration.machine, "counted": calibration.counted}
    head = json.dumps(told, indent=2)
    lessons.write(path, head[:-2] + ',\n  "runs": {\n' + runs + "\n  }\n}\n")


def worked_spec(lesson: str, root: Path = ROOT) -> Spec:
    """The recipe in source/, which is the course's own and so runs here."""
    from autograder.workers.locked import run_recipe
    from course.capture import capture

    return capture(run_recipe(read_submission(lessons.notebook(root, "source", lesson)).source))


def made_with(spec: Spec, threads: int) -> dict[str, str]:
    return {"spec": spec.hash, "device": "cpu", "threads": str(threads), **versions()}


def right_answers(spec: Spec, seed: int, threads: int) -> list[int]:
    """Train once, by the course's own loop on the CPU, saying each epoch."""
    import torch

    from course import data
    from course.scoring import Scorer
    from course.trainer import TrainingData, train

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
@told_plainly
def main(chosen: tuple[str, ...], seeds: int) -> None:
    """Train the lessons' own recipes and say how far above their limits they are. Finished runs are kept."""
    from course import devices
    from course.inspection import inspect

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
