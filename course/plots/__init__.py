"""Pictures for the lessons: `digits(load().train)`, `curves(history)`, `mistakes(history)`.

Each returns a matplotlib Figure, which a notebook shows when it is the last thing in a cell. The background is
transparent and the writing a middle grey, so that they can be read on a light page and on a dark one.
"""

from course.plots.charts import (
    chances,
    dots,
    held_levels,
    lines,
    masks,
    parameter_bars,
    range_curve,
    schedules,
    several_runs,
)
from course.plots.images import augmentations, digits
from course.plots.network import budget, receptive_field
from course.plots.training import accuracies, curves, mistakes

__all__ = [
    "accuracies",
    "augmentations",
    "budget",
    "chances",
    "curves",
    "digits",
    "dots",
    "held_levels",
    "lines",
    "masks",
    "mistakes",
    "parameter_bars",
    "range_curve",
    "receptive_field",
    "schedules",
    "several_runs",
]
