"""Charts of schedules, rates and several runs: `schedules({"mine": [0.01, 0.01, 0.001]})`.

Each argument `series` maps a name, which the legend or an axis shows, to its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from statistics import NormalDist, mean
from typing import Literal

from matplotlib.figure import Figure

from course.data import data_at_hand
from course.errors import UsageError
from course.notebook.lr_range import RateRange, running_mean
from course.notebook.validation import positive_number
from course.plots.canvas import (
    BLUE,
    COLOURS,
    GREY,
    LINE_STYLES,
    ORANGE,
    add_legend,
    goal_accuracy,
    mark_goal,
    message_figure,
    new_figure,
    require_values,
    use_whole_numbers,
)


def lines(
    series: Mapping[str, Sequence[float]],
    x: Sequence[float] | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    log: Literal["", "x", "y", "xy"] = "",
    steps: bool = False,
) -> Figure:
    """A line for each name, over `x` or else over 1, 2, 3 ...

    `log` names the axes with a logarithmic scale. `steps` is for values that hold until the next one. Raises UsageError
    if there is nothing to draw, or if a line and `x` differ in length.
    """
    require_values("lines()", series)
    figure, axes = new_figure(width=7, height=3.5)
    for (name, values), colour, style in zip(series.items(), cycle(COLOURS), cycle(LINE_STYLES), strict=False):
        positions = range(1, len(values) + 1) if x is None else x
        if len(positions) != len(values):
            raise UsageError(f"lines() cannot draw {name!r}: it has {len(values)} values, and x has {len(positions)}.")
        drawstyle = "steps-mid" if steps else "default"
        axes.plot(positions, values, color=colour, linestyle=style, drawstyle=drawstyle, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if "x" in log:
        axes.set_xscale("log")
    if "y" in log:
        axes.set_yscale("log")
    if x is None:
        use_whole_numbers(axes)
    add_legend(axes)
    return figure


def schedules(series: Mapping[str, Sequence[float]], *, by: str = "epoch", log: bool = False) -> Figure:
    """Learning rates, one for each epoch or step. Raises UsageError if there is nothing to draw."""
    require_values("schedules()", series)
    return lines(
        series,
        xlabel=by,
        ylabel="learning rate",
        title=f"The learning rate, {by} by {by}",
        log="y" if log else "",
        steps=by == "epoch",
    )


def range_curve(result: RateRange) -> Figure:
    """The loss of a rate-range test over the learning rate: of each batch, and the running mean."""
    if not result.losses:
        return message_figure(result.note or "The loss diverged in the first step: start at a lower rate.")
    figure, axes = new_figure(width=7, height=3.5)
    means = running_mean(result.losses)
    axes.plot(result.rates, result.losses, color=BLUE, alpha=0.4, linewidth=0.8, label="each batch")
    axes.plot(result.rates, means, color=ORANGE, label="running mean")
    axes.set(xlabel="learning rate", ylabel="training loss", title="The rate-range test", xscale="log")
    axes.set_ylim(0, 1.5 * means[0])  # how far the loss rises above it says nothing
    add_legend(axes)
    return figure


def several_runs(series: Mapping[str, Sequence[Sequence[int]]], *, lowest: float = 98.0) -> Figure:
    """Test accuracy, from `lowest` per cent on, of several runs for each name, a line each.

    A run is its number of correct predictions of the test images, epoch by epoch. Raises UsageError without a name.
    """
    require_values("several_runs()", series)
    figure, axes = new_figure(width=7, height=4)
    for (name, runs), colour in zip(series.items(), cycle(COLOURS), strict=False):
        for index, run in enumerate(runs):
            epochs, label = range(1, len(run) + 1), name if index == 0 else None
            axes.plot(epochs, _per_cent(run), color=colour, linewidth=1, marker=".", label=label)
    mark_goal(axes.axhline)
    axes.set(xlabel="epoch", ylabel="test accuracy in per cent", title="One line for each run")
    axes.set_ylim(bottom=lowest)
    use_whole_numbers(axes)
    add_legend(axes, "lower right")
    return figure


def held_levels(series: Mapping[str, Sequence[int]]) -> Figure:
    """The levels that several runs held, as correct predictions of the test images, with a bar at their mean."""
    require_values("held_levels()", series)
    figure = dots({name: _per_cent(levels) for name, levels in series.items()}, xlabel="per cent", title="")
    (axes,) = figure.axes
    axes.set_title("Accuracy held in two consecutive epochs: a dot for each run, a bar at the mean")
    mark_goal(axes.axvline)
    return figure


def dots(series: Mapping[str, Sequence[float]], *, xlabel: str, title: str) -> Figure:
    """A row for each name: a dot for each value, and a bar at their mean. Raises UsageError if there is no name."""
    require_values("dots()", series)
    figure, axes = new_figure(width=7, height=1.2 + 0.5 * len(series))
    for row, (values, colour) in enumerate(zip(series.values(), cycle(COLOURS), strict=False)):
        axes.plot(values, [row] * len(values), "o", color=colour, alpha=0.6)
        if len(values):
            axes.plot([mean(values)], [row], "|", color=GREY, markersize=24, markeredgewidth=2)
    axes.set_yticks(range(len(series)), list(series))
    axes.set_ylim(len(series) - 0.5, -0.5)  # the first name on top
    axes.set(xlabel=xlabel, title=title)
    return figure


def chances(spread: float = 0.05) -> Figure:
    """The probability that a recipe passes, over the level that it holds on average, for three ways to decide.

    Held levels are taken as normally distributed with the standard deviation `spread`, in percentage points. Raises
    UsageError if that is not above zero.
    """
    spread = positive_number("chances(spread=...)", spread)
    required = goal_accuracy()
    levels = [required - 0.15 + 0.005 * step for step in range(61)]
    one_run = [1 - NormalDist(level, spread).cdf(required) for level in levels]
    probabilities = {
        "one run": one_run,
        "two of three runs": [p**2 * (3 - 2 * p) for p in one_run],
        "the best of ten runs": [1 - (1 - p) ** 10 for p in one_run],
    }
    title = f"The chance to be called good, when runs spread by {spread:g} points"
    return lines(probabilities, levels, xlabel="held on average, in per cent", ylabel="chance", title=title)


def _per_cent(counts: Sequence[int]) -> list[float]:
    total = data_at_hand().test_size
    return [100 * correct / total for correct in counts]
