"""What the pictures of `course.plots` show."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot
from torch.optim import SGD
from torchvision.transforms import Compose, Normalize, RandomRotation, ToTensor

from course import Recipe, data, plots
from course.capture import capture
from course.errors import RecipeError
from course.inspection import inspect
from course.notebook import History
from course.training.results import EpochResult

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


@pytest.fixture(scope="module")
def small():
    """What is known of a network: 3x3 convolution to 4 channels, batch norm, pooling, 3x3 convolution to 10."""

    def build():
        layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Conv2d(4, 10, 3), nn.AvgPool2d(11)]
        return nn.Sequential(*layers, nn.Flatten(), nn.LogSoftmax(1))

    return inspect(capture(Recipe(build, SGD)))


def test_the_receptive_field_grows_square_by_square_in_the_middle_of_a_digit(small, mnist):
    figure = plots.receptive_field(small)
    sides = [axes.patches[0].get_width() for axes in figure.axes if axes.images]
    assert sides == [3, 4, 8, 28]
    assert [title.splitlines()[1:] for title in titles(figure)][:2] == [
        ["conv2d", "3 of 28"],
        ["max_pool2d", "4 of 28"],
    ]
    square = figure.axes[0].patches[0]
    assert (square.get_x(), square.get_y()) == (12.0, 12.0)


def test_the_budget_shows_the_layers_that_hold_parameters_and_what_is_left(small):
    (axes,) = plots.budget(small).axes
    assert [bar.get_width() for bar in axes.patches] == [40, 8, 370]
    assert [text.get_text() for text in axes.texts] == ["40 (9.6%)", "8 (1.9%)", "370 (88.5%)"]
    assert axes.get_title() == "418 counted: 7,581 left of the challenge's 7,999"


def test_augmentations_show_each_digit_as_it_is_and_then_different_draws_of_it():
    some = data.Digits(torch.randint(0, 256, (2, 28, 28), dtype=torch.uint8), torch.tensor([6, 9]))
    normalised = Compose([RandomRotation(180), ToTensor(), Normalize((0.1307,), (0.3081,))])
    figure = plots.augmentations(normalised, some, rows=2)
    assert [text for text in titles(figure) if text] == ["6, as it is", "9, as it is"]
    shown = [torch.tensor(axes.images[0].get_array()) for axes in figure.axes]
    plain = (some.images / 255 - 0.1307) / 0.3081
    assert torch.allclose(shown[0], plain[0]) and torch.allclose(shown[10], plain[1])
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(shown[1:10], 2))
    assert all(axes.images[0].get_clim() == pytest.approx((-0.4242, 2.8215), abs=1e-4) for axes in figure.axes)


def test_augmentations_of_a_transform_that_no_recipe_can_have_are_refused_with_the_reason():
    with pytest.raises(RecipeError, match="your own"):
        plots.augmentations(lambda image: image, WRITTEN)
