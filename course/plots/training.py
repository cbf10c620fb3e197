"""What a training did: its accuracies, and the digits that it still reads wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course import data
from course.plots.canvas import BLUE, GREY, ORANGE, gallery, new, said
from course.rules import load_rules

if TYPE_CHECKING:
    from course.notebook import History


def curves(history: History) -> Figure:
    """Test and training accuracy by epoch, in per cent, and the line that the challenge asks to hold."""
    if not history.epochs:
        return said(history.note)
    goal = 100 * load_rules("challenge").accuracy
    numbers = [epoch.epoch for epoch in history.epochs]
    test = [100 * epoch.accuracy for epoch in history.epochs]
    train = [100 * epoch.train_accuracy for epoch in history.epochs]
    figure, axes = new(width=7, height=4)
    axes.plot(numbers, test, color=BLUE, marker="o", label="test")
    axes.plot(numbers, train, color=ORANGE, marker=".", linestyle=":", label="training")
    axes.axhline(goal, color=GREY, linestyle="--", label=f"the challenge: {goal:.2f} %")
    axes.set(xlabel="epoch", ylabel="accuracy in per cent", title=f"Accuracy by epoch, seed {history.seed}")
    axes.set_ylim(bottom=min(*test, goal) - 0.2)  # training accuracy may start far below, and would flatten the rest
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=GREY, loc="lower right")
    return figure


def accuracies(lines: dict[str, Sequence[float]], goal: float) -> Figure:
    """Test accuracy by epoch, in per cent, one line for each name, and the line that is asked to hold."""
    figure, axes = new(width=7, height=3.5)
    for (name, values), style in zip(lines.items(), ("-", "--", ":", "-.") * len(lines), strict=False):
        axes.plot(range(1, len(values) + 1), values, color=BLUE, marker="o", markersize=4, linestyle=style, label=name)
    axes.axhline(goal, color=ORANGE, linewidth=1, label=f"needed: {goal:.2f} %")
    axes.set(xlabel="epoch", ylabel="test accuracy in per cent")
    axes.set_ylim(bottom=max(0.0, min(goal, *(sorted(values)[len(values) // 4] for values in lines.values())) - 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=GREY, loc="lower right")
    return figure


def mistakes(history: History, most: int = 30) -> Figure:
    """Test digits that were read wrongly after the last epoch: the surest `most` of them, the surest first.

    Above each digit stand its index in the test set, its label, and what it was read as.
    """
    if history.outputs is None:
        return said(history.note)
    test = data.load().test
    sureness, read = history.outputs.softmax(dim=1).max(dim=1)  # of log-probabilities, softmax gives the probabilities
    wrong = (read != test.labels).nonzero().flatten()
    shown = wrong[sureness[wrong].argsort(descending=True, stable=True)][:most]
    labels = [f"#{index}\n{test.labels[index]}, read as {read[index]}" for index in shown.tolist()]
    title = f"{len(wrong):,} of {len(read):,} test digits are read wrongly"
    if len(shown) < len(wrong):
        title += f"; the {len(shown)} that it was surest of"
    return gallery(test.images[shown], labels, title) if labels else said(f"{title}.")
