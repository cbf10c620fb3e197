"""How to grade: the options of a grading with their defaults. Importing this module does not load PyTorch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from course.data import DataSet
from course.errors import DataError, UsageError
from course.recipe import TEST_IMAGES, TRAIN_IMAGES
from course.rules import Rules, load_rules, rules_file
from course.training.hardware import DEFAULT_THREADS, choose_device_type


@dataclass(frozen=True)
class ReducedRun:
    """A shortened grading, for trying things out: its result is never official.

    `accuracy` and `near` replace those of the rule, which a shortened training cannot reach.
    """

    epochs: int
    train_images: int
    test_images: int
    accuracy: float | None = None
    near: float | None = None

    def rules(self, rules: Rules) -> Rules:
        return replace(
            rules,
            accuracy=rules.accuracy if self.accuracy is None else self.accuracy,
            near=rules.near if self.near is None else self.near,
        )

    def __str__(self) -> str:  # part of a run's key in the store
        return f"{self.epochs}/{self.train_images}/{self.test_images}"

    @classmethod
    def parse(cls, text: str) -> ReducedRun:
        """The inverse of `str`. Raises UsageError."""
        numbers = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})/([0-9]{1,9})", text)
        epochs, train_images, test_images = map(int, numbers.groups()) if numbers else (0, 0, 0)
        if not (epochs > 0 and 0 < train_images <= TRAIN_IMAGES and 0 < test_images <= TEST_IMAGES):
            raise UsageError(
                f"{text!r} is not a reduced run. Write EPOCHS/TRAIN/TEST, with at most {TRAIN_IMAGES:,} training "
                f"and {TEST_IMAGES:,} test images, for example 1/6000/2000."
            )
        return cls(epochs, train_images, test_images)

    @classmethod
    def from_config(cls, given: Mapping[str, Any]) -> ReducedRun:
        """From named numbers, as in a configuration file. Raises UsageError."""
        limits = {"epochs": 1000, "train_images": TRAIN_IMAGES, "test_images": TEST_IMAGES}
        names = [field.name for field in fields(cls)]
        example = "Write {'epochs': 1, 'train_images': 6000, 'test_images': 2000}, and accuracy and near if you like."
        if unknown := [name for name in given if name not in names]:
            raise UsageError(f"A reduced run has no {unknown[0]!r}. It has {', '.join(names)}. {example}")
        if missing := [name for name in limits if name not in given]:
            raise UsageError(f"A reduced run needs {', '.join(missing)} as well. {example}")
        for name, value in given.items():
            if name in limits and not (type(value) is int and 1 <= value <= limits[name]):
                raise UsageError(
                    f"A reduced run's {name} is a whole number from 1 to {limits[name]:,}, and is {value!r}. {example}"
                )
            if name not in limits and not (value is None or (type(value) in (int, float) and 0 <= value <= 1)):
                raise UsageError(f"A reduced run's {name} is a number from 0 to 1, and is {value!r}. {example}")
        return cls(**given)


SMOKE_RUN = ReducedRun(epochs=1, train_images=6_000, test_images=2_000)


@dataclass(frozen=True)
class Options:
    """How to grade. A submission cannot change any of it."""

    assignment: str = "challenge"
    device: str = "auto"  # auto (CUDA if there is a GPU), cpu or cuda
    threads: int = DEFAULT_THREADS  # of one run
    seeds: int | None = None  # train at most this many; None: as the rules say
    trust_submissions: bool = False  # grade without isolation if none works
    max_minutes: float = 120.0  # refuse a run that is projected, after its first 20 steps, to take longer
    reduced: ReducedRun | None = None

    @property
    def data_set(self) -> DataSet:
        """That of the assignment. Raises UsageError."""
        return DataSet.of(load_rules(self.assignment))

    def asked(self) -> str:
        """What a verdict depends on, as text for the store. Raises as `asked_options` does."""
        return str(self.asked_options())

    def asked_options(self) -> AskedOptions:
        """What a verdict depends on. Raises UsageError if the device does not exist, DataError without the data."""
        device = choose_device_type(self.device)
        return AskedOptions(device, self.threads, self.seeds, str(self.reduced or ""), self.data_set.key)


@dataclass(frozen=True)
class AskedOptions:
    """The options that a verdict depends on. `reduced` is empty for full runs, `data` for all of MNIST."""

    device: str  # the kind, "cpu" or "cuda"
    threads: int
    seeds: int | None
    reduced: str
    data: str = ""

    def __str__(self) -> str:  # kept with every verdict
        seeds, cut = self.seeds or "by the rules", self.reduced or "none"
        data = f", data {self.data}" if self.data else ""
        return f"{self.device}, {self.threads} thread(s), seeds {seeds}, cut {cut}{data}"

    def data_set(self, rules: Mapping[str, Any]) -> DataSet:
        """That of a verdict by these options and these rules. Raises DataError if it is another one now."""
        data_set = DataSet(rules.get("data", "mnist"), rules.get("train_images"), rules_file().parent)
        if data_set.key != self.data:
            raise DataError(
                f"The data set of then, {self.data or 'mnist'}, is not the one that is here now, "
                f"{data_set.key or 'mnist'} ({data_set.title}). Put its files back."
            )
        return data_set

    @classmethod
    def parse(cls, text: str) -> AskedOptions | None:
        """The inverse of `str`; None for any other text."""
        found = re.fullmatch(
            r"(cpu|cuda), (\d+) thread\(s\), seeds (\d+|by the rules), cut ([^\s,]+)(?:, data (\S+))?", text
        )
        if found is None:
            return None
        device, threads, seeds, reduced, data = found.groups()
        cut = reduced.replace("none", "")
        return cls(device, int(threads), int(seeds) if seeds.isdigit() else None, cut, data or "")
