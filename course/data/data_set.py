"""The data set of an assignment: one that was published, or a folder of the course's own, and how much to train on.

data_set = DataSet.of(load_rules("challenge"))
digits = data_set.load()          # digits.train, digits.test
data_set.key                      # what tells results on it from others; "" for all of MNIST
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from course.data import cache, published_files
from course.data.data_files import DataFiles, read_checksums
from course.data.published_files import SPLITS, Split
from course.errors import DataError
from course.recipe import TEST_IMAGES, TRAIN_IMAGES
from course.rules import DATA_SETS, RULES, Rules, rules_file

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Digits:
    """`images` (N, 28, 28) uint8, 0 is background and 255 is ink; `labels` (N,) int64, 0..9."""

    images: torch.Tensor
    labels: torch.Tensor

    def share(self, count: int) -> Digits:
        """So many of them, always the same, each class with its share to within one. Raises ValueError."""
        if not 0 < count <= len(self.labels):
            raise ValueError(f"{count} of {len(self.labels)} images are asked for")
        if count == len(self.labels):
            return self
        by_class = self.labels.argsort(stable=True)
        chosen = by_class[[(2 * n + 1) * len(by_class) // (2 * count) for n in range(count)]].sort().values
        return Digits(self.images[chosen], self.labels[chosen])


@dataclass(frozen=True, eq=False)
class Splits:
    """The digits to train on and those to test on: 60,000 and 10,000 of MNIST."""

    train: Digits
    test: Digits


@dataclass(frozen=True)
class DataSet:
    """`name` is a published one's, or a folder below `course`; `train_images` of it are trained on, or all.

    Its methods raise DataError if it is not there, or is not what its checksums say.
    """

    name: str = "mnist"
    train_images: int | None = None
    course: Path = Path()

    @classmethod
    def of(cls, rules: Rules) -> DataSet:
        """That of an assignment of the course at hand."""
        return cls(rules.data, rules.train_images, rules_file().parent)

    @property
    def title(self) -> str:
        """For people."""
        return DATA_SETS.get(self.name) or self.name

    @property
    def is_published(self) -> bool:
        return self.name in DATA_SETS

    @property
    def key(self) -> str:
        """What tells results on it from others: name or checksums, and the number of images; "" for all of MNIST."""
        name = self.name
        if not self.is_published:
            with self._naming_the_rule():
                checksums = sorted(read_checksums(self._folder).items())
            name = f"sha256:{hashlib.sha256(repr(checksums).encode()).hexdigest()[:16]}"
        if self.train_images is not None:
            return f"{name}/{self.train_images}"
        return "" if name == "mnist" else name

    @property
    def train_size(self) -> int:
        """The number of images that are trained on."""
        if self.is_published:
            return self.train_images or TRAIN_IMAGES
        count = self._count("train")
        if (self.train_images or 0) > count:
            raise DataError(
                f"train_images = {self.train_images:,} in {self.course / RULES} is more than the {count:,} training "
                f"images in {self._folder}. Lower it."
            )
        return self.train_images or count

    @property
    def test_size(self) -> int:
        return TEST_IMAGES if self.is_published else self._count("test")

    def files(self, *, progress: bool = True, download: bool = True) -> DataFiles:
        """Its files, all of them checked. A published one that is missing is downloaded, unless `download` is False.

        `progress` shows a bar for each download.
        """
        if self.name == "mnist":
            folder = cache.ensure(progress=progress, download=download)
            return DataFiles(folder, {name: sha256 for name, (_, sha256) in published_files.FILES.items()})
        if self.is_published:
            return cache.ensure_packed(self.name, progress=progress, download=download)
        with self._naming_the_rule():
            files = DataFiles(self._folder, read_checksums(self._folder))
            files.check()
        return files

    def load(self, *, download: bool = True) -> Splits:
        """Its images and labels; of the training images those that are trained on."""
        files = self.files(download=download)
        train, test = (Digits(files.images(split), files.labels(split)) for split in SPLITS)
        return Splits(train if self.train_images is None else train.share(self.train_size), test)

    def is_available(self) -> bool:
        """Whether it can be read without a download. Nothing is written."""
        if self.name == "mnist":
            return cache.is_available()
        try:
            self.files(download=False)
        except DataError:
            return False
        return True

    @property
    def _folder(self) -> Path:
        return self.course / self.name

    def _count(self, split: Split) -> int:
        with self._naming_the_rule():
            return DataFiles(self._folder, read_checksums(self._folder)).count(split)

    @contextmanager
    def _naming_the_rule(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            raise DataError(f'data = "{self.name}" in {self.course / RULES}: in {self._folder}, {error}') from None


MNIST = DataSet()  # all of it
