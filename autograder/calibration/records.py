"""Recorded trainings of the lessons' own recipes, on which the limits in rules.toml are based: a JSON file a lesson."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course.files import write_atomically
from course.recipe import TEST_IMAGES
from course.rules import Rules, held_level

FOLDER = Path(__file__).parent  # inside the package, because the leaderboard shows them as baselines

# Standard deviation between the seeds of one recipe, as a fraction of the test images. The runs of a calibration are
# few and may be close by chance, so that a smaller estimate is replaced by this one.
USUAL_SPREAD = 0.0005


@dataclass
class Calibration:
    """Runs of one recipe: seed -> counts of correct test images, epoch by epoch.

    `made_with` names everything that the runs depend on, `counted` is the recipe's number of parameters.
    """

    made_with: dict[str, str]
    machine: str = ""
    counted: int = 0
    runs: dict[int, list[int]] = field(default_factory=dict)

    def held_levels(self, rules: Rules) -> list[float]:
        """For each run the accuracy that it held for as many consecutive epochs as the rules ask."""
        return [held_level(run, rules.hold) / TEST_IMAGES for run in self.runs.values()]

    def describe(self, rules: Rules) -> str:
        """`held 99.21 99.30 99.25; mean 99.25 %, spread 0.05 points, n = 3`"""
        levels = self.held_levels(rules)
        each = " ".join(f"{100 * level:.2f}" for level in levels)
        spread = f"{100 * statistics.stdev(levels):.2f} points" if len(levels) > 1 else "unknown"
        return f"held {each}; mean {100 * statistics.mean(levels):.2f} %, spread {spread}, n = {len(levels)}"


def pass_probability(levels: Sequence[float], accuracy: float) -> float:
    """Of one more run to hold `accuracy`, if held levels are normally distributed; at least two are needed.

    The variance of a new run about the mean of n runs is (1 + 1/n) times the variance between runs.
    """
    spread = max(statistics.stdev(levels), USUAL_SPREAD) * (1 + 1 / len(levels)) ** 0.5
    return 1 - statistics.NormalDist(statistics.mean(levels), spread).cdf(accuracy)


def calibration_file(lesson: str, folder: Path = FOLDER) -> Path:
    return folder / f"{lesson}.json"


def load_calibration(path: Path) -> Calibration:
    content = json.loads(path.read_text(encoding="utf-8"))
    runs = {int(seed): correct for seed, correct in content["runs"].items()}
    return Calibration(content["made_with"], content["machine"], content["counted"], runs)


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write the file, with one line for each run."""
    runs = ",\n".join(f'    "{seed}": {correct}' for seed, correct in sorted(calibration.runs.items()))
    header = {"made_with": calibration.made_with, "machine": calibration.machine, "counted": calibration.counted}
    head = json.dumps(header, indent=2)
    write_atomically(path, head[:-2] + ',\n  "runs": {\n' + runs + "\n  }\n}\n")
