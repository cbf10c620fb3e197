"""Kept trainings of the lessons' own recipes: what the limits in rules.toml rest on. One JSON file for each lesson."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from course.files import write_atomically
from course.rules import Rules, held_level

FOLDER = Path(__file__).parent  # inside the package: the leaderboard shows them

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
    write_atomically(path, head[:-2] + ',\n  "runs": {\n' + runs + "\n  }\n}\n")
