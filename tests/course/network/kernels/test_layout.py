"""Tensors with the batch innermost in memory."""

from __future__ import annotations

import pytest
import torch

from course.network.kernels import layout

IMAGES = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5)


@pytest.mark.parametrize("images", [IMAGES, IMAGES.to(memory_format=torch.channels_last), IMAGES[:, :, 0, 0]])
def test_the_numbers_stay_and_the_batch_becomes_innermost(images):
    moved = layout.to_batch_innermost(images)
    assert torch.equal(moved, images)
    assert moved.stride(0) == 1 and moved.stride(-1) == len(images)


def test_what_is_stored_that_way_already_is_not_copied():
    images = layout.to_batch_innermost(IMAGES)
    assert layout.to_batch_innermost(images).data_ptr() == images.data_ptr()


def test_new_memory_has_the_batch_innermost_and_can_be_viewed_by_channel_and_by_pixel():
    images = layout.empty_batch_innermost(2, 3, 4, 5).copy_(IMAGES)
    assert images.stride() == (1, 40, 10, 2)
    assert layout.channel_view(images).shape == (3, 40)
    assert layout.pixel_view(images).shape == (3, 20, 2)
    layout.pixel_view(images)[1, 7, 1] = -1  # channel 1, row 1, column 2, of image 1
    assert images[1, 1, 1, 2] == -1


def test_a_view_of_another_layout_is_an_error():
    with pytest.raises(RuntimeError):
        layout.channel_view(IMAGES)


@pytest.mark.parametrize(
    "value",
    [3, None, [IMAGES], IMAGES.double(), IMAGES[0, 0, 0], IMAGES[:0], IMAGES.to("meta")],
    ids="number none list double vector empty meta".split(),
)
def test_only_full_float32_batches_on_the_cpu_are_supported(value):
    assert layout.is_float32_batch(IMAGES)
    assert not layout.is_float32_batch(value)


@pytest.mark.parametrize(("option", "pair"), [(3, (3, 3)), ([3], (3, 3)), ((3, 2), (3, 2)), ((1, 2, 3), (1, 2, 3))])
def test_one_number_stands_for_both_directions(option, pair):
    assert layout.as_pair(option) == pair


def test_only_ints_themselves_are_integers():
    assert layout.are_integers(1, 0, -3)
    for other in (True, 1.0, torch.tensor(1)):
        assert not layout.are_integers(1, other)
