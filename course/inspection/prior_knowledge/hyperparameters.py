"""Rates and other options steer the training; how much else they may hold is bounded here.

A schedule is a table with a value for each step. Where the gradient does not depend on the images, such a table writes
numbers of anybody's choice into the weights, one a step. So it is bounded as the initial weights are: by the bytes that
it takes when it is written as briefly as possible. A schedule that people use is smooth between a few breaks, or
repeats itself: its higher differences are nearly all 0, and what is left compresses well.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from course import spec

# SECURITY.md lists the largest honest and the smallest hostile schedules that were tried
MAX_BYTES = 1_536
MAX_ORDER = 4  # of the differences; a cosine with a period of 400 steps and more leaves nothing
RESOLUTION = 2.0**-24  # of a column's range: one part in float32's precision

Values = npt.NDArray[np.float64]


def hyperparameter_problems(recipe: spec.Spec) -> list[str]:
    """A sentence if the options of the optimizer and their schedule hold more than schedules do that people use."""
    size = described_bytes(recipe)
    if size <= MAX_BYTES:
        return []
    return [
        f"The optimizer's options and their schedule take {size:,} bytes when they are written as briefly as possible, "
        f"and {MAX_BYTES:,} are allowed. Use a schedule that is smooth between a few breaks, such as OneCycleLR, "
        "CosineAnnealingLR or StepLR, and few parameter groups that differ: random or stored rates are not accepted."
    ]


def described_bytes(recipe: spec.Spec) -> int:
    """The bytes of the shortest description of all options and of the schedule that is found."""
    groups = [group.options for group in recipe.optimizer.groups]
    texts = [json.dumps(groups, sort_keys=True, default=str).encode()]
    columns: set[bytes] = set()
    if isinstance(recipe.schedule, spec.Plateau):
        texts.append(json.dumps(recipe.schedule.min_lrs).encode())
    elif recipe.schedule is not None:
        columns = {_describe(values) for column in recipe.schedule.columns for values in _sequences(column)}
    return len(zlib.compress(b"".join(texts), 9)) + sum(map(len, columns))


def _sequences(column: spec.ScheduleColumn | spec.RepeatedColumn) -> Iterator[Values]:
    if isinstance(column, spec.ScheduleColumn) and column.values:
        table = np.asarray(column.values, dtype=np.float64)
        yield from table.reshape(len(table), -1).T


def _describe(values: Values) -> bytes:
    """The shortest of its differences, each order tried; equal for columns that differ by a factor and a constant."""
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    if not high > low:
        return b""
    scaled = (values - low) / (high - low)
    if scaled[0] > scaled[-1]:
        scaled = 1 - scaled
    return min((_compressed(scaled, order) for order in range(MAX_ORDER + 1)), key=len)


def _compressed(values: Values, order: int) -> bytes:
    steps = np.rint(np.diff(values, order, prepend=np.zeros(order)) / RESOLUTION).astype("<i4")
    # all lowest bytes, then all second bytes: most of the upper ones are 0
    return zlib.compress(np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 4).T).tobytes(), 9)
