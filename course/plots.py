"""Pictures for the lessons: `digits(load().train)`, `curves(history)`, `mistakes(history)`.

Each returns a matplotlib Figure, which a notebook shows when it is the last thing in a cell. The background is
transparent and the writing a middle grey, so that they can be read on a light page and on a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course import data
from course.rules import load_rules

if TYPE_CHECKING:
    from course.notebook import History

GREY = "#767676"  # contrast above 4 to white and to the dark theme's #111111
BLUE, ORANGE = "#2a86c8", "#d55e00"  # told apart with any colour vision
COLUMNS = 10


def curves(history: History) -> Figure:
    """Test and training accuracy by epoch, in per cent, and the line that the challenge asks to hold."""
    if not history.epochs:
        return _said(history.note)
    goal = 100 * load_rules("challenge").accuracy
    numbers = [epoch.epoch for epoch in history.epochs]
    test = [100 * epoch.accuracy for epoch in history.epochs]
    train = [100 * epoch.train_accuracy for epoch in history.epochs]
    figure, axes = _new(width=7, height=4)
    axes.plot(numbers, test, color=BLUE, marker="o", label="test")
    axes.plot(numbers, train, color=ORANGE, marker=".", linestyle=":", label="training")
    axes.axhline(goal, color=GREY, linestyle="--", label=f"the challenge: {goal:.2f} %")
    axes.set(xlabel="epoch", ylabel="accuracy in per cent", title=f"Accuracy by epoch, seed {history.seed}")
    axes.set_ylim(bottom=min(*test, goal) - 0.2)  # training accuracy may start far below, and would flatten the rest
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=GREY, loc="lower right")
    return figure


def digits(some: data.Digits, count: int = 20) -> Figure:
    """The first `count` digits with their labels."""
    labels = [str(label) for label in some.labels[:count].tolist()]
    return _gallery(some.images[:count], labels, f"The first {len(labels)} of {len(some.labels):,} digits")


def mistakes(history: History, most: int = 30) -> Figure:
    """Test digits that were read wrongly after the last epoch: the surest `most` of them, the surest first.

    Above each digit stand its index in the test set, its label, and what it was read as.
    """
    if history.outputs is None:
        return _said(history.note)
    test = data.load().test
    sureness, read = history.outputs.softmax(dim=1).max(dim=1)  # of log-probabilities, softmax gives the probabilities
    wrong = (read != test.labels).nonzero().flatten()
    shown = wrong[sureness[wrong].argsort(descending=True, stable=True)][:most]
    labels = [f"#{index}\n{test.labels[index]}, read as {read[index]}" for index in shown.tolist()]
    title = f"{len(wrong):,} of {len(read):,} test digits are read wrongly"
    if len(shown) < len(wrong):
        title += f"; the {len(shown)} that it was surest of"
    return _gallery(test.images[shown], labels, title) if labels else _said(f"{title}.")


def _gallery(images: Tensor, labels: Sequence[str], title: str) -> Figure:
    """Images (N, 28, 28) uint8 in rows of COLUMNS, each under its label."""
    rows = -(-len(images) // COLUMNS)
    figure, grid = _new(width=COLUMNS, height=0.5 + 1.4 * rows, rows=rows, columns=COLUMNS)
    for axes, image, label in zip_longest(grid.flat, images, labels):
        axes.set_axis_off()
        if image is not None:
            axes.imshow(image.numpy(), cmap="gray", vmin=0, vmax=255)
            axes.set_title(label, fontsize=8)
    figure.suptitle(title, color=GREY)
    return figure


def _said(sentence: str) -> Figure:
    """A sentence in the place of a picture."""
    figure, axes = _new(width=7, height=1)
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, ha="center", va="center", wrap=True, color=GREY)
    return figure


def _new(*, width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, Axes]:
    """A Figure of that size in inches, and its Axes, or the array of them."""
    coloured = "axes.edgecolor axes.labelcolor axes.titlecolor text.color xtick.color ytick.color"
    style = dict.fromkeys(coloured.split(), GREY) | dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none")
    style |= dict.fromkeys(("axes.spines.top", "axes.spines.right"), False)
    with plt.rc_context(style):
        figure, axes = plt.subplots(rows, columns, figsize=(width, height), layout="constrained")
    plt.close(figure)  # the notebook shows what is returned; an open figure it would show once more
    return figure, axes
