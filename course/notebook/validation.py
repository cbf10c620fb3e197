"""Checks of the arguments that a notebook passes to `fit`, `rate_range` and the plots, before any work is done."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from course.errors import UsageError

if TYPE_CHECKING:  # importing torch takes seconds
    import torch

MAX_SEED = 2**64 - 1  # the largest that torch.manual_seed takes
MAX_THREADS = 1024


def whole_number(name: str, value: object, low: int, high: int, advice: str = "") -> int:
    """`value` as an int if it is a whole number, Python's or numpy's, from `low` to `high`. Raises UsageError.

    `name` says which argument is meant, such as "fit(seed=...)"; `advice` is a sentence that ends the message.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        message = f"{name} must be a whole number from {low:,} to {high:,}, and got {value!r}."
        raise UsageError(f"{message} {advice}".strip())
    return int(value)


def positive_number(name: str, value: object) -> float:
    """`value` as a float if it is a finite number above zero, Python's or numpy's. Raises UsageError."""
    number = math.nan
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        with suppress(OverflowError):  # an int beyond the largest float
            number = float(value)
    if not 0 < number < math.inf:
        raise UsageError(f"{name} must be a finite number above zero, and got {value!r}.")
    return number


def usable_device(name: str) -> torch.device:
    """The device called `name`. Raises UsageError.

    While nbgrader runs the notebook nothing is trained, so a student's "cuda" is no mistake on a grader without a GPU.
    """
    from course.training.devices import choose_device

    return choose_device("auto" if name == "cuda" and "NBGRADER_EXECUTION" in os.environ else name)
