"""What all stages need: the device, the recipes, the digits, and how much there is time for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from autograder.bench.record import LESSONS
from autograder.grading.options import ReducedRun
from autograder.grading.read_submission import read_recipe_source
from course import data
from course.capture import capture, run_recipe
from course.errors import UsageError
from course.recipe import Recipe
from course.spec import Spec
from course.training.data import TrainingData

ASSIGNMENTS = ("challenge", "lesson1_baseline", "lesson2_augmentation", "lesson3_dropout", "lesson4_schedulers")
SEED = 1


@dataclass(frozen=True)
class BenchSize:
    """How much is measured. `images` are (train, test), `at_once` the numbers of runs that share the device."""

    steps: int  # compared with float64, and timed in a round
    rounds: int
    epochs: int  # of runs that are compared bit by bit
    images: tuple[int, int]
    recipes: int  # example recipes beside those of the lessons
    at_once: tuple[int, ...]
    seeds: int  # of each lesson, at most
    reduced: ReducedRun | None


FULL = BenchSize(20, 3, 3, (60_000, 10_000), 12, (2, 4, 8, 16), 10, None)
# proves on a CPU that every stage works; its numbers say nothing about a GPU
TRIAL = BenchSize(2, 1, 2, (600, 500), 2, (2,), 1, ReducedRun(1, 600, 500))


@dataclass
class Setting:
    """`course` is a clone of the repository, or a bundle: it has `solutions` and example submissions."""

    device: torch.device
    course: Path
    size: BenchSize
    deadline: float = field(default=float("inf"))  # of the stage that runs, by `time.monotonic`
    _recipes: dict[Path, Recipe] = field(default_factory=dict)
    _specs: dict[Path, Spec] = field(default_factory=dict)

    def solution(self, assignment: str) -> Path:
        """The worked notebook. Raises UsageError if the folder has none."""
        path = self.course / "solutions" / assignment / f"{assignment}.ipynb"
        if not path.is_file():
            raise UsageError(f"There is no {path}. Name a clone of the repository, or a bundle: --course FOLDER.")
        return path

    def models(self) -> dict[str, Path]:
        """The published models and the challenge, by the names of the benchmark."""
        return {name: self.solution(assignment) for name, assignment in LESSONS.items()}

    def examples(self) -> dict[str, Path]:
        """Recipes among the example submissions, evenly chosen."""
        paths = sorted(self.course.glob("tests/submissions/honest_*/recipe.py"))
        step = max(1, len(paths) // max(1, self.size.recipes))
        return {path.parent.name: path for path in paths[::step][: self.size.recipes]}

    def recipe(self, path: Path) -> Recipe:
        if path not in self._recipes:
            self._recipes[path] = run_recipe(read_recipe_source(path))
        return self._recipes[path]

    def spec(self, path: Path) -> Spec:
        if path not in self._specs:
            self._specs[path] = capture(self.recipe(path))
        return self._specs[path]

    @cached_property
    def digits(self) -> TrainingData:
        mnist = data.load()
        digits = TrainingData(mnist.train.images, mnist.train.labels, mnist.test.images)
        return digits.subset(*self.size.images)

    @cached_property
    def test_labels(self) -> torch.Tensor:
        return data.load().test.labels[: self.size.images[1]]

    @property
    def is_trial(self) -> bool:
        return self.size is TRIAL

    @contextlib.contextmanager
    def without_deadline(self, holds: bool) -> Iterator[None]:
        """Inside, if it `holds`, there is time for everything."""
        deadline = self.deadline
        if holds:
            self.deadline = float("inf")
        try:
            yield
        finally:
            self.deadline = deadline

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
