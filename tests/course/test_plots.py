"""What the pictures of `course.plots` show."""

import pytest
import torch
from torch.nn.functional import one_hot

from course import data, plots
from course.notebook import History
from course.trainer import EpochResult

LABELS = torch.tensor([3, 1, 4, 1, 5])
WRITTEN = data.Digits(torch.zeros(5, 28, 28, dtype=torch.uint8), LABELS)
UNTRAINED = History(1, "cpu", 1, None, note="Nothing was trained, and this says why.")


@pytest.fixture
def mnist(monkeypatch):
    """Five test digits."""
    monkeypatch.setattr(data, "load", lambda: data.MNIST(train=WRITTEN, test=WRITTEN))


def trained(read, sureness=(1.0,) * 5, correct=(9_800, 9_945)):
    """A history whose network read the five digits so."""
    epochs = tuple(EpochResult(i, 0.01, 0.1, 54_000, 60_000, 0.1, right, 10_000) for i, right in enumerate(correct, 1))
    outputs = one_hot(torch.tensor(read), 10) * torch.tensor(sureness)[:, None]
    return History(1, "cpu", 1, None, epochs, None, outputs)


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.images]


def test_the_curves_show_both_accuracies_and_the_line_to_hold():
    (axes,) = plots.curves(trained(LABELS.tolist())).axes
    test, train, line = axes.lines
    assert test.get_ydata() == pytest.approx([98.00, 99.45])
    assert train.get_ydata() == pytest.approx([90.0, 90.0])
    assert line.get_ydata() == pytest.approx([99.40, 99.40])
    assert axes.get_xlabel() and axes.get_ylabel()
    assert axes.get_ylim()[0] < 98


def test_digits_stand_under_their_labels():
    assert titles(plots.digits(WRITTEN, count=3)) == ["3", "1", "4"]


def test_mistakes_are_exactly_the_digits_read_wrongly_the_surest_first(mnist):
    figure = plots.mistakes(trained([3, 7, 4, 1, 6], sureness=(9.0, 1.0, 1.0, 1.0, 2.0)))
    assert titles(figure) == ["#4\n5, read as 6", "#1\n1, read as 7"]
    assert figure.get_suptitle() == "2 of 5 test digits are read wrongly"


def test_of_many_mistakes_the_surest_are_shown_and_all_are_counted(mnist):
    figure = plots.mistakes(trained([0] * 5, sureness=(1.0, 5.0, 3.0, 2.0, 4.0)), most=2)
    assert titles(figure) == ["#1\n1, read as 0", "#4\n5, read as 0"]
    assert figure.get_suptitle() == "5 of 5 test digits are read wrongly; the 2 that it was surest of"


def test_a_network_without_mistakes_is_told_so(mnist):
    assert (
        plots.mistakes(trained(LABELS.tolist())).axes[0].texts[0].get_text() == "0 of 5 test digits are read wrongly."
    )


@pytest.mark.parametrize("plot", [plots.curves, plots.mistakes])
def test_where_nothing_was_trained_a_plot_says_why(plot):
    assert plot(UNTRAINED).axes[0].texts[0].get_text() == UNTRAINED.note
