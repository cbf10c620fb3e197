"""Plots for the lessons: `digits(load().train)`, `curves(history)`, `mistakes(history)`.

Each returns a matplotlib Figure, which a notebook shows when it is the last value of a cell. The background is
transparent and the text a middle grey, so that it can be read on light and dark pages. Where nothing was trained, a
figure shows why; what cannot be drawn raises UsageError.
"""

from course.plots.charts import chances, dots, held_levels, lines, range_curve, schedules, several_runs
from course.plots.images import augmentations, digits, masks
from course.plots.network import budget, parameter_bars, receptive_field
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
