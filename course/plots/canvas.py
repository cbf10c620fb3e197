"""What all plots share: colours, figures that can be read on any page, a gallery of images, the challenge's line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Literal

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course.errors import UsageError
from course.rules import goal_rules

GREY = "#767676"  # contrast above 4 to white and to the dark theme's #111111
BLUE, ORANGE = "#2a86c8", "#d55e00"
COLOURS = (BLUE, ORANGE, "#009e73", "#b0628f")  # distinguishable with any colour vision
LINE_STYLES = ("-", "--", ":", "-.")  # so that a line stays visible below another one
COLUMNS = 10  # of a gallery


def new_figure(*, width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that size in inches, and its axes."""
    figure, grid = new_grid(1, 1, width=width, height=height)
    return figure, grid[0][0]


def new_grid(rows: int, columns: int, *, width: float, height: float) -> tuple[Figure, list[list[Axes]]]:
    """A figure of that size in inches, and its axes row by row."""
    style: dict[Any, Any] = {
        **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "axes.titlecolor"), GREY),
        **dict.fromkeys(("text.color", "xtick.color", "ytick.color"), GREY),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none"),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    }
    with plt.rc_context(style):
        figure, grid = plt.subplots(rows, columns, figsize=(width, height), layout="constrained", squeeze=False)
    plt.close(figure)  # a notebook shows what a cell returns, and an open figure a second time
    return figure, grid.tolist()


def message_figure(sentence: str) -> Figure:
    """A sentence in the place of a plot."""
    figure, axes = new_figure(width=7, height=1)
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, ha="center", va="center", wrap=True, color=GREY)
    return figure


def gallery(images: Tensor, labels: Sequence[str], title: str, *, black: float = 0, white: float = 255) -> Figure:
    """Images (N, H, W), N at least 1, in rows of COLUMNS, each under its label.

    `black` and `white` are the pixel values that are shown in these colours.
    """
    rows = -(-len(images) // COLUMNS)
    figure, grid = new_grid(rows, COLUMNS, width=COLUMNS, height=0.5 + 1.4 * rows)
    for axes, image, label in zip_longest((axes for row in grid for axes in row), images, labels):
        axes.set_axis_off()
        if image is not None:
            axes.imshow(image.numpy(), cmap="gray", vmin=black, vmax=white)
            axes.set_title(label, fontsize=8)
    figure.suptitle(title, color=GREY)
    return figure


def add_legend(axes: Axes, location: Literal["best", "lower right"] = "best") -> None:
    axes.legend(frameon=False, labelcolor=GREY, loc=location)


def use_whole_numbers(axes: Axes) -> None:
    """Tick whole numbers only on the x axis, which shows epochs."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def goal_name() -> str:
    """How pictures call the assignment that they compare with, the challenge as a rule."""
    name = goal_rules().assignment
    return "the challenge" if name == "challenge" else name


def goal_accuracy() -> float:
    """The accuracy that the challenge requires, in per cent."""
    return 100 * goal_rules().accuracy


def mark_goal(draw_line: Callable[..., Any]) -> None:
    """Mark the challenge's accuracy; `draw_line` is the axes' `axhline` or `axvline`."""
    accuracy = goal_accuracy()
    draw_line(accuracy, color=GREY, linestyle="--", label=f"{goal_name()}: {accuracy:.2f} %")


def require_values(function: str, series: Mapping[str, Any]) -> None:
    """Raise UsageError if there is no series to draw."""
    if not series:
        raise UsageError(f'{function} has nothing to draw: give at least one name with its values, {{"name": ...}}.')
