"""Plots of a training: what they show, and what they say where nothing was trained."""

import pytest
import torch
from torch.nn.functional import one_hot

from course import plots
from course.errors import UsageError
from course.notebook import History
from course.training.results import EpochResult
from tests.support.figures import image_titles, labelled_lines, message

LABELS = [3, 1, 4, 1, 5]
UNTRAINED = History(1, "cpu", 1, None, note="Nothing was trained, and this says why.")


def trained(read, sureness=(1.0,) * 5, correct=(9_800, 9_945)):
    """A history whose network read the five digits so."""
    epochs = tuple(EpochResult(i, 0.01, 0.1, 54_000, 60_000, 0.1, right, 10_000) for i, right in enumerate(correct, 1))
    outputs = one_hot(torch.tensor(read), 10) * torch.tensor(sureness)[:, None]
    return History(1, "cpu", 1, None, epochs, None, outputs)


def test_the_curves_show_both_accuracies_and_the_line_to_hold():
    (axes,) = plots.curves(trained(LABELS)).axes
    test, train, line = axes.lines
    assert test.get_ydata() == pytest.approx([98.00, 99.45])
    assert train.get_ydata() == pytest.approx([90.0, 90.0])
    assert line.get_ydata() == pytest.approx([99.40, 99.40])
    assert axes.get_xlabel() and axes.get_ylabel()
    assert axes.get_ylim()[0] < 98


def test_mistakes_are_exactly_the_digits_read_wrongly_the_surest_first(five_digits):
    figure = plots.mistakes(trained([3, 7, 4, 1, 6], sureness=(9.0, 1.0, 1.0, 1.0, 2.0)))
    assert image_titles(figure) == ["#4\n5, read as 6", "#1\n1, read as 7"]
    assert figure.get_suptitle() == "2 of 5 test digits are read wrongly"


def test_of_many_mistakes_the_surest_are_shown_and_all_are_counted(five_digits):
    figure = plots.mistakes(trained([0] * 5, sureness=(1.0, 5.0, 3.0, 2.0, 4.0)), limit=2)
    assert image_titles(figure) == ["#1\n1, read as 0", "#4\n5, read as 0"]
    assert figure.get_suptitle() == "5 of 5 test digits are read wrongly; the 2 that it was surest of"


def test_where_nothing_is_read_wrongly_a_sentence_says_so(five_digits):
    assert message(plots.mistakes(trained(LABELS))) == "0 of 5 test digits are read wrongly."


@pytest.mark.parametrize("plot", [plots.curves, plots.mistakes])
def test_where_nothing_was_trained_a_plot_says_why(plot):
    assert message(plot(UNTRAINED)) == UNTRAINED.note


@pytest.mark.parametrize("plot", [plots.curves, plots.mistakes])
def test_a_history_without_epochs_and_without_a_note_is_a_sentence_too(plot):
    assert message(plot(History(1, "cpu", 1, None))) == "Nothing was trained."


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_a_number_of_mistakes_that_cannot_be_shown_is_refused(limit):
    with pytest.raises(UsageError, match=r"mistakes\(limit=\.\.\.\) must be a whole number from 1 to 10,000"):
        plots.mistakes(UNTRAINED, limit=limit)


def test_accuracies_are_a_line_for_each_run_and_the_one_that_is_needed():
    (axes,) = plots.accuracies({"seed 1": [98.0, 99.45], "seed 2": [98.5, 99.30]}, goal=99.4).axes
    assert labelled_lines(axes) == {"seed 1": [98.0, 99.45], "seed 2": [98.5, 99.30], "needed: 99.40 %": [99.4, 99.4]}
    assert list(axes.lines[0].get_xdata()) == [1, 2]


def test_the_worst_epochs_of_a_run_do_not_flatten_the_rest():
    (axes,) = plots.accuracies({"seed 1": [20.0, 98.0, 99.0, 99.4]}, goal=99.4).axes
    assert axes.get_ylim()[0] == 97.5, "half a point below the lower quartile"


def test_a_run_without_epochs_is_an_empty_line_and_no_run_at_all_is_refused():
    (axes,) = plots.accuracies({"seed 1": []}, goal=99.4).axes
    assert labelled_lines(axes)["seed 1"] == []
    with pytest.raises(UsageError, match=r"accuracies\(\) has nothing to draw"):
        plots.accuracies({}, goal=99.4)
