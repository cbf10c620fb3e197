"""The images that a network is tried out on are like MNIST's, and as the recipe's test transform makes them."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms import Compose, Normalize, ToTensor

from course.capture import capture
from course.inspection.trials.images import digits, draw_digits, unusual_images
from tests.support.networks import captured, middle


def test_drawings_have_the_borders_the_levels_and_the_ink_of_mnist():
    images = draw_digits(500, torch.Generator().manual_seed(1))
    assert images.shape == (500, 28, 28) and images.dtype == torch.uint8
    assert images[:, [0, -1]].max() == 0 and images[..., [0, -1]].max() == 0
    assert images.amax((1, 2)).min() == 255
    shares = (images > 0).float().mean((1, 2))
    assert 0.12 < shares.mean() < 0.2  # MNIST has 0.19
    assert 0.08 < (images / 255).mean() < 0.15  # 0.13
    assert 0.2 < (images / 255).std() < 0.35  # 0.31
    assert len(images.flatten(1).unique(dim=0)) == 500


def test_images_come_through_the_recipes_own_test_transform():
    """Halves at full ink: 255 -> 1.0 -> (1 - 0.5) / 0.25 = 2; black -> -2."""
    given = middle(lambda self, x: x)
    transform = Compose([ToTensor(), Normalize((0.5,), (0.25,))])
    spec = capture(type(given)(**{**vars(given), "test_transform": transform}))
    images = digits(spec, 20)
    assert images.shape == (20, 1, 28, 28) and images.dtype == torch.float32
    assert images.min() == -2 and images.max() == 2


def test_unusual_images_hold_blank_white_inverted_and_repeated_ones_and_noise():
    spec = captured("model1")
    images = unusual_images(spec, 64)
    assert images.shape == (64, 1, 28, 28)
    black, white = (0 - 0.1307) / 0.3081, (1 - 0.1307) / 0.3081
    means = images.mean((1, 2, 3))
    assert torch.isclose(means, torch.tensor(black)).sum() == 2  # the blank image twice
    assert torch.isclose(means, torch.tensor(white)).sum() == 1
    assert (images.amin((1, 2, 3)) < black - 0.1).sum() == 3  # noise that no image is
    assert ((means > 1.5) & (means < white)).sum() >= 3  # negatives of drawings
    assert len(images.flatten(1).unique(dim=0)) < 64


@pytest.mark.parametrize("function", [digits, unusual_images])
def test_the_images_depend_on_the_spec_and_on_nothing_else(function):
    one, other = captured("model1"), captured("model2")
    assert torch.equal(function(one, 40), function(one, 40))
    assert not torch.equal(function(one, 40), function(other, 40))
