"""Plots of a network before it is trained: receptive fields and parameters."""

import pytest
import torch
from torch import nn
from torch.optim import SGD

from course import Recipe, plots
from course.capture import capture
from course.errors import UsageError
from course.inspection.checks import inspect
from tests.support.figures import image_titles, message


@pytest.fixture(scope="module")
def small():
    """The inspection of a network: 3x3 convolution to 4 channels, batch norm, pooling, 3x3 convolution to 10."""

    def build():
        layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Conv2d(4, 10, 3), nn.AvgPool2d(11)]
        return nn.Sequential(*layers, nn.Flatten(), nn.LogSoftmax(1))

    return inspect(capture(Recipe(build, SGD)))


def test_the_receptive_field_grows_square_by_square_in_the_middle_of_a_digit(small, five_digits):
    figure = plots.receptive_field(small)
    sides = [axes.patches[0].get_width() for axes in figure.axes if axes.images]
    assert sides == [3, 4, 8, 28]
    assert [title.splitlines()[1:] for title in image_titles(figure)][:2] == [
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


def test_parameters_lie_side_by_side_up_to_their_sum():
    (axes,) = plots.parameter_bars({"Net": {"c1": 1_000, "c2": 2_500, "bias": 10}}, title="t").axes
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(0, 1_000), (1_000, 2_500), (3_500, 10)]
    assert [text.get_text() for text in axes.texts] == ["c1\n1,000", "c2\n2,500", " 3,510"]


@pytest.fixture(scope="module")
def pointwise():
    """The inspection of a network without layers: every pixel is a score, and the first ten are kept."""

    class FirstPixels(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(10))

        def forward(self, x):
            return (x.flatten(1)[:, :10] * self.scale).log_softmax(1)

    return inspect(capture(Recipe(FirstPixels, SGD)))


def test_a_network_that_sees_one_pixel_at_a_time_is_a_sentence(pointwise, five_digits):
    assert message(plots.receptive_field(pointwise)) == "Every value of this network depends on one pixel."


@pytest.mark.parametrize("digit", [-1, 5, 1.0, True])
def test_a_digit_that_does_not_exist_is_refused_with_the_last_that_does(small, five_digits, digit):
    with pytest.raises(UsageError, match=r"receptive_field\(digit=\.\.\.\) must be a whole number from 0 to 4"):
        plots.receptive_field(small, digit=digit)


def test_bars_of_no_network_are_refused():
    with pytest.raises(UsageError, match=r"parameter_bars\(\) has nothing to draw"):
        plots.parameter_bars({}, title="t")
