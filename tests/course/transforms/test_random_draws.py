"""The random numbers of a batch: their ranges, shapes and distributions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.transforms.random_draws import RandomDraws, per_image, scalar
from tests.support.torchvision_reference import DRAWS, draws, ks_distance


def test_a_wrong_distribution_would_be_noticed():
    ours = draws(DRAWS).uniform(-5, 5)
    assert ks_distance(ours, draws(DRAWS, 1).uniform(-5, 5)) < 1
    assert ks_distance(ours, draws(DRAWS, 1).uniform(-5, 6)) > 1
    assert ks_distance(ours, draws(DRAWS, 1).uniform(-5, 5).round()) > 1


@given(st.integers(1, 100))
def test_whole_numbers_stay_below_their_end_even_when_the_product_rounds_up(end):
    class Highest(RandomDraws):
        def uniform(self, low=0.0, high=1.0, shape=()):
            return torch.full((self.count,), 1 - 2**-24)

    last = Highest(3, torch.device("cpu"), None)
    assert last.integers_below(end).tolist() == [end - 1] * 3
    assert last.integers_below(torch.full((3,), float(end))).tolist() == [end - 1] * 3


def test_uniform_numbers_fill_their_interval_in_the_shape_that_is_asked_for():
    u = draws(DRAWS).uniform(-2, 3, (2, 5))
    assert u.shape == (DRAWS, 2, 5) and u.dtype == torch.float32
    assert -2 <= u.min() < -1.99 and 2.99 < u.max() < 3


def test_bernoulli_draws_once_per_image_with_its_probability():
    drawn = draws(DRAWS).bernoulli(0.3)
    assert drawn.shape == (DRAWS, 1, 1, 1) and drawn.dtype == torch.bool
    assert drawn.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert not draws().bernoulli(0.0).any() and draws().bernoulli(1.0).all()


def test_the_same_generator_state_gives_the_same_numbers_and_the_next_call_others():
    first = draws(seed=4)
    assert torch.equal(first.uniform(), draws(seed=4).uniform())
    assert not torch.equal(first.uniform(), draws(seed=4).uniform())
    images = torch.zeros(24, 1, 3, 3)
    assert torch.equal(draws(seed=4).normal_like(images), draws(seed=4).normal_like(images))


def test_values_for_each_image_and_for_one_channel():
    assert per_image(torch.arange(3)).shape == (3, 1, 1, 1)
    assert [scalar(value) for value in (7, (7,), [7], None)] == [7, 7, 7, None]
