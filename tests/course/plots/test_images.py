"""Plots of digits: as they are, transformed, and under dropout."""

import itertools

import pytest
import torch
from torchvision.transforms import Compose, Normalize, RandomRotation, ToTensor

from course import data, plots
from course.errors import RecipeError, UsageError
from tests.support.figures import image_titles

NORMALISED = [ToTensor(), Normalize((0.1307,), (0.3081,))]


def test_digits_stand_under_their_labels(five_digits):
    assert image_titles(plots.digits(five_digits, count=3)) == ["3", "1", "4"]


def test_augmentations_show_each_digit_as_it_is_and_then_different_draws_of_it():
    some = data.Digits(torch.randint(0, 256, (2, 28, 28), dtype=torch.uint8), torch.tensor([6, 9]))
    normalised = Compose([RandomRotation(180), ToTensor(), Normalize((0.1307,), (0.3081,))])
    figure = plots.augmentations(normalised, some, rows=2)
    assert [text for text in image_titles(figure) if text] == ["6, as it is", "9, as it is"]
    shown = [torch.tensor(axes.images[0].get_array()) for axes in figure.axes]
    plain = (some.images / 255 - 0.1307) / 0.3081
    assert torch.allclose(shown[0], plain[0]) and torch.allclose(shown[10], plain[1])
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(shown[1:10], 2))
    assert all(axes.images[0].get_clim() == pytest.approx((-0.4242, 2.8215), abs=1e-4) for axes in figure.axes)


def test_augmentations_of_a_transform_that_no_recipe_can_have_are_refused_with_the_reason(five_digits):
    with pytest.raises(RecipeError, match="your own"):
        plots.augmentations(lambda image: image, five_digits)


def test_masks_show_the_digit_and_five_draws_for_each_rate():
    calls = []

    def dropout(x, p, training):
        calls.append((p, training))
        return x * 0 + 2

    figure = plots.masks(torch.full((28, 28), 255, dtype=torch.uint8), [0.1, 0.5], dropout)
    assert calls == [(0.1, True)] * 5 + [(0.5, True)] * 5
    shown = [float(axes.images[0].get_array().max()) for axes in figure.axes]
    assert shown == [1, 2, 2, 2, 2, 2] * 2


@pytest.mark.parametrize("count", [0, -3, 2.0, None])
def test_a_number_of_digits_that_cannot_be_shown_is_refused_with_its_value(five_digits, count):
    with pytest.raises(UsageError, match=rf"digits\(count=\.\.\.\) must be a whole number .*, and got {count}\."):
        plots.digits(five_digits, count=count)
    with pytest.raises(UsageError, match=rf"augmentations\(rows=\.\.\.\) must be .*, and got {count}\."):
        plots.augmentations(Compose(NORMALISED), five_digits, rows=count)


def test_data_without_a_digit_and_dropout_without_a_rate_are_refused(five_digits):
    none = data.Digits(five_digits.images[:0], five_digits.labels[:0])
    with pytest.raises(UsageError, match=r"digits\(\) has nothing to draw"):
        plots.digits(none)
    with pytest.raises(UsageError, match=r"augmentations\(\) has nothing to draw"):
        plots.augmentations(Compose(NORMALISED), none)
    with pytest.raises(UsageError, match=r"masks\(\) has nothing to draw"):
        plots.masks(five_digits.images[0], [], lambda x, p, training: x)
