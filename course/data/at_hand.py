"""The data set of the assignment at hand, and what a recipe can ask of it.

In a notebook it is found by the course's rules (`rules_at_hand`), where all assignments have the same one by any name
of the folder. A process that captures a recipe for the grader has no rules, and is told the number of images.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from course.data.data_set import DataSet, Splits
from course.errors import RecipeError, UsageError
from course.rules import ASSIGNMENT_VARIABLE, assignments, load_rules, rules_at_hand, rules_file

_told: list[int] = []  # the number of training images, in a process that was told


def load(*, download: bool = True) -> Splits:
    """Read the data set at hand. If it is missing, it is downloaded first, unless `download` is False.

    Raises DataError, and UsageError as `data_at_hand` does.
    """
    return data_at_hand().load(download=download)


def data_at_hand() -> DataSet:
    """The data set of the assignment at hand, else the one that all assignments of the course have.

    Raises UsageError where they have several and the folder's name is none of theirs.
    """
    if (rules := rules_at_hand()) is not None:
        return DataSet.of(rules)
    first, *others = {DataSet.of(load_rules(name)) for name in assignments()}
    if others:
        raise UsageError(
            f"The assignments in {rules_file()} have several data sets, and the folder {os.getcwd()} has the name of "
            f"none of them. Name the notebook's folder like its assignment ({', '.join(assignments())}), or run in a "
            f"cell before: %env {ASSIGNMENT_VARIABLE}={assignments()[0]}"
        )
    return first


def data_sets() -> list[DataSet]:
    """Those of all assignments of the course at hand, each once and as a whole."""
    course = rules_file().parent
    return [DataSet(name, None, course) for name in dict.fromkeys(load_rules(name).data for name in assignments())]


@contextmanager
def assignment_at_hand(assignment: str) -> Iterator[None]:
    """Make an assignment the one at hand, whatever the folder's name is."""
    before = os.environ.get(ASSIGNMENT_VARIABLE)
    os.environ[ASSIGNMENT_VARIABLE] = assignment
    try:
        yield
    finally:
        if before is None:
            del os.environ[ASSIGNMENT_VARIABLE]
        else:
            os.environ[ASSIGNMENT_VARIABLE] = before


@contextmanager
def telling_train_size(images: int) -> Iterator[None]:
    """Say in a process without rules and data how many training images there are."""
    _told.append(images)
    try:
        yield
    finally:
        _told.pop()


def train_size() -> int:
    """The number of training images at hand. Raises DataError, UsageError."""
    return _told[-1] if _told else data_at_hand().train_size


def steps_per_epoch(batch_size: int = 128) -> int:
    """Optimizer steps in one epoch over the training images, 60,000 of MNIST; the last batch may be smaller.

    Raises RecipeError for a size that no batch has, and DataError, UsageError as `data_at_hand` does.
    """
    images = train_size()
    if not 1 <= batch_size <= images:
        raise RecipeError(
            f"steps_per_epoch(batch_size) takes a whole number from 1 to {images:,}, and got {batch_size!r}."
        )
    return math.ceil(images / batch_size)
