"""Charts of schedules, parameters, dropout and several runs: `schedules({"mine": [0.01, 0.01, 0.001]})`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from statistics import NormalDist, mean

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course.notebook.lr_range import RateRange, running_mean
from course.plots.canvas import BLUE, GREY, ORANGE, new, said
from course.rules import load_rules

COLOURS = (BLUE, ORANGE, "#009e73", "#b0628f")  # told apart with any colour vision
STYLES = ("-", "--", ":", "-.")  # so that a line stays visible below another one
TEST_IMAGES = 10_000


def lines(
    named: Mapping[str, Sequence[float]],
    x: Sequence[float] | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    log: str = "",
    steps: bool = False,
) -> Figure:
    """A line for each name, over `x` or else over 1, 2, 3 ...

    `log` names the axes that grow by factors: "x", "xy". `steps` is for values that hold until the next one.
    """
    figure, axes = new(width=7, height=3.5)
    for (name, values), colour, style in zip(named.items(), cycle(COLOURS), cycle(STYLES), strict=False):
        look = {"color": colour, "linestyle": style, "drawstyle": "steps-mid" if steps else "default"}
        axes.plot(range(1, len(values) + 1) if x is None else x, values, **look, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    for axis in log:
        getattr(axes, f"set_{axis}scale")("log")
    if x is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=GREY)
    return figure


def schedules(named: Mapping[str, Sequence[float]], *, by: str = "epoch", log: bool = False) -> Figure:
    """Learning rates, one for each epoch or step, for each name."""
    how = {"xlabel": by, "ylabel": "learning rate", "title": f"The learning rate, {by} by {by}"}
    return lines(named, **how, log="y" * log, steps=by == "epoch")


def range_curve(found: RateRange) -> Figure:
    """The loss of a rate-range test over the rate: each batch, and the running mean."""
    if not found.losses:
        return said(found.note)
    figure, axes = new(width=7, height=3.5)
    means = running_mean(found.losses)
    axes.plot(found.rates, found.losses, color=BLUE, alpha=0.4, linewidth=0.8, label="each batch")
    axes.plot(found.rates, means, color=ORANGE, label="running mean")
    axes.set(xlabel="learning rate", ylabel="training loss", title="The rate-range test", xscale="log")
    axes.set_ylim(0, 1.5 * means[0])  # beyond it, how far beyond says nothing
    axes.legend(frameon=False, labelcolor=GREY)
    return figure


def several_runs(named: Mapping[str, Sequence[Sequence[int]]], *, lowest: float = 98.0) -> Figure:
    """Test accuracy of some runs for each name, as right answers of 10,000 by epoch, from `lowest` per cent on."""
    figure, axes = new(width=7, height=4)
    for (name, runs), colour in zip(named.items(), cycle(COLOURS), strict=False):
        for number, run in enumerate(runs):
            epochs = range(1, len(run) + 1)
            axes.plot(epochs, _per_cent(run), color=colour, linewidth=1, marker=".", label=name if not number else None)
    _goal(axes.axhline)
    axes.set(xlabel="epoch", ylabel="test accuracy in per cent", title="One line for each run")
    axes.set_ylim(bottom=lowest)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=GREY, loc="lower right")
    return figure


def held_levels(named: Mapping[str, Sequence[int]]) -> Figure:
    """For each name the levels that its runs held, given as right answers of 10,000: a dot each, a bar at the mean."""
    figure = dots({name: _per_cent(levels) for name, levels in named.items()}, xlabel="per cent", title="")
    (axes,) = figure.axes
    axes.set_title("Accuracy held in two consecutive epochs: a dot for each run, a bar at the mean")
    _goal(axes.axvline)
    return figure


def dots(named: Mapping[str, Sequence[float]], *, xlabel: str, title: str) -> Figure:
    """A row for each name: a dot for each value, and a bar at their mean."""
    figure, axes = new(width=7, height=1.2 + 0.5 * len(named))
    for row, (values, colour) in enumerate(zip(named.values(), cycle(COLOURS), strict=False)):
        axes.plot(values, [row] * len(values), "o", color=colour, alpha=0.6)
        axes.plot([mean(values)], [row], "|", color=GREY, markersize=24, markeredgewidth=2)
    axes.set_yticks(range(len(named)), list(named))
    axes.set_ylim(len(named) - 0.5, -0.5)  # the first name on top
    axes.set(xlabel=xlabel, title=title)
    return figure


def masks(image: Tensor, rates: Sequence[float], dropout: Callable[[Tensor, float, bool], Tensor]) -> Figure:
    """One digit (28, 28) uint8, as `dropout(x, p, training)` leaves it: a row for each rate p, five draws in each."""
    draws = 5
    x = image.float() / 255
    figure, grid = new(width=7, height=1.5 * len(rates) + 0.5, rows=len(rates), columns=draws + 1)
    for row, p in zip(grid.reshape(len(rates), -1), rates, strict=True):
        shown = [x, *(dropout(x, p, True) for _ in range(draws))]
        for axes, digit in zip(row, shown, strict=True):
            axes.set_axis_off()
            axes.imshow(digit.detach().numpy(), cmap="gray", vmin=0, vmax=2)
        row[0].set_title(f"p = {p}", fontsize=9)
    figure.suptitle("The digit, and five draws of dropout. What is kept is brighter: it was scaled up", color=GREY)
    return figure


def parameter_bars(named: Mapping[str, Mapping[str, int]], *, title: str) -> Figure:
    """A bar for each name, its parts side by side in it, and the limit of the challenge."""
    most = load_rules("challenge").max_parameters
    figure, axes = new(width=8, height=1.4 + 0.6 * len(named))
    for row, parts in enumerate(named.values()):
        start = 0
        for (part, size), colour in zip(parts.items(), cycle(COLOURS), strict=False):
            axes.barh(row, size, left=start, color=colour, edgecolor="white", height=0.6)
            if size > most / 20:
                axes.text(start + size / 2, row, f"{part}\n{size:,}", ha="center", va="center", color="white", size=8)
            start += size
        axes.text(start, row, f" {start:,}", va="center", color=GREY)
    axes.axvline(most, color=GREY, linestyle="--")
    axes.set_yticks(range(len(named)), list(named))
    axes.set_ylim(len(named) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.set(xlabel=f"parameters; the dashed line is the limit, {most:,}", title=title)
    return figure


def chances(spread: float = 0.05) -> Figure:
    """How likely a recipe passes, over the level it holds on average, for three ways to decide.

    Held levels are taken as normally distributed with the standard deviation `spread`, in points.
    """
    goal = 100 * load_rules("challenge").accuracy
    levels = [goal - 0.15 + 0.005 * step for step in range(61)]
    once = [1 - NormalDist(level, spread).cdf(goal) for level in levels]
    ways = {
        "one run": once,
        "two of three runs": [p**2 * (3 - 2 * p) for p in once],
        "the best of ten runs": [1 - (1 - p) ** 10 for p in once],
    }
    title = f"The chance to be called good, when runs spread by {spread:g} points"
    return lines(ways, levels, xlabel="held on average, in per cent", ylabel="chance", title=title)


def _per_cent(correct: Sequence[int]) -> list[float]:
    return [100 * right / TEST_IMAGES for right in correct]


def _goal(draw: Callable) -> None:
    """The line of the challenge, drawn with `axhline` or `axvline`."""
    goal = 100 * load_rules("challenge").accuracy
    draw(goal, color=GREY, linestyle="--", label=f"the challenge: {goal:.2f} %")
