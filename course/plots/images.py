"""Digits as they are, and as a transform leaves them."""

from __future__ import annotations

from matplotlib.figure import Figure

from course import data
from course.plots.canvas import gallery


def digits(some: data.Digits, count: int = 20) -> Figure:
    """The first `count` digits with their labels."""
    labels = [str(label) for label in some.labels[:count].tolist()]
    return gallery(some.images[:count], labels, f"The first {len(labels)} of {len(some.labels):,} digits")
