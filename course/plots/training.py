"""The results of a training: its accuracies, and the digits that it still classifies wrongly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.figure import Figure

from course import data
from course.notebook import History
from course.notebook.validation import whole_number
from course.plots.canvas import (
    BLUE,
    LINE_STYLES,
    ORANGE,
    add_legend,
    gallery,
    goal_accuracy,
    mark_goal,
    message_figure,
    new_figure,
    require_values,
    use_whole_numbers,
)
from course.recipe import TEST_IMAGES

UNTRAINED = "Nothing was trained."


def curves(history: History) -> Figure:
    """Test and training accuracy by epoch, in per cent, and the accuracy that the challenge requires."""
    if not history.epochs:
        return message_figure(history.note or UNTRAINED)
    epochs = [epoch.epoch for epoch in history.epochs]
    test = [100 * epoch.accuracy for epoch in history.epochs]
    train = [100 * epoch.train_accuracy for epoch in history.epochs]
    figure, axes = new_figure(width=7, height=4)
    axes.plot(epochs, test, color=BLUE, marker="o", label="test")
    axes.plot(epochs, train, color=ORANGE, marker=".", linestyle=":", label="training")
    mark_goal(axes.axhline)
    axes.set(xlabel="epoch", ylabel="accuracy in per cent", title=f"Accuracy by epoch, seed {history.seed}")
    # training accuracy may start far below, and would flatten the rest
    axes.set_ylim(bottom=min(*test, goal_accuracy()) - 0.2)
    use_whole_numbers(axes)
    add_legend(axes, "lower right")
    return figure


def accuracies(runs: Mapping[str, Sequence[float]], goal: float) -> Figure:
    """Test accuracy by epoch, in per cent, a line for each named run, and `goal`, the accuracy that is required.

    Raises UsageError if there is no run.
    """
    require_values("accuracies()", runs)
    figure, axes = new_figure(width=7, height=3.5)
    for (name, values), style in zip(runs.items(), cycle(LINE_STYLES), strict=False):
        axes.plot(range(1, len(values) + 1), values, color=BLUE, marker="o", markersize=4, linestyle=style, label=name)
    axes.axhline(goal, color=ORANGE, linewidth=1, label=f"needed: {goal:.2f} %")
    axes.set(xlabel="epoch", ylabel="test accuracy in per cent")
    lower_quartiles = [sorted(values)[len(values) // 4] for values in runs.values() if len(values)]
    axes.set_ylim(bottom=max(0.0, min([goal, *lower_quartiles]) - 0.5))
    use_whole_numbers(axes)
    add_legend(axes, "lower right")
    return figure


def mistakes(history: History, limit: int = 30) -> Figure:
    """Test digits that are classified wrongly after the last epoch: `limit` of them, those of the highest confidence.

    Above each digit are its index in the test set, its label, and the prediction. Raises UsageError.
    """
    limit = whole_number("mistakes(limit=...)", limit, 1, TEST_IMAGES)
    if history.outputs is None:
        return message_figure(history.note or UNTRAINED)
    test = data.load().test
    # of log-probabilities, softmax gives the probabilities
    confidence, predicted = history.outputs.softmax(dim=1).max(dim=1)
    wrong = (predicted != test.labels).nonzero().flatten()
    shown = wrong[confidence[wrong].argsort(descending=True, stable=True)][:limit]
    labels = [f"#{index}\n{test.labels[index]}, read as {predicted[index]}" for index in shown.tolist()]
    title = f"{len(wrong):,} of {len(predicted):,} test digits are read wrongly"
    if len(shown) < len(wrong):
        title += f"; the {len(shown)} that it was surest of"
    return gallery(test.images[shown], labels, title) if labels else message_figure(f"{title}.")
