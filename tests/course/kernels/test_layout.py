"""Blocks of 32 images hold the same numbers."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from course.kernels import layout

shapes = st.one_of(st.tuples(st.integers(1, 9)), st.tuples(*[st.integers(1, 5)] * 3))


@given(st.integers(1, 100), shapes)
def test_what_is_packed_is_unpacked_again_and_missing_images_are_zeros(count, shape):
    images = torch.randn(count, *shape)
    blocks = layout.empty(count, shape).fill_(7.0)
    layout.pack(images, blocks)
    assert blocks.shape == (layout.blocks_of(count), *shape, layout.BLOCK) and blocks.is_contiguous()
    assert torch.equal(layout.unpack(blocks, count), images)
    assert not layout.unpack(blocks, len(blocks) * layout.BLOCK)[count:].any()


@given(st.integers(1, 70))
def test_images_are_packed_from_any_memory_layout(count):
    images = torch.randn(count, 4, 5, 3)[:, 1:3].permute(0, 1, 3, 2)
    blocks = layout.empty(count, (2, 3, 5))
    layout.pack(images, blocks)
    assert torch.equal(layout.unpack(blocks, count), images)


def test_a_dense_value_of_one_pixel_has_the_same_memory_as_a_convolutions():
    images = torch.randn(40, 3, 2, 2)
    blocks = layout.empty(40, (3, 2, 2))
    layout.pack(images, blocks)
    assert torch.equal(layout.unpack(blocks.view(2, 12, 32), 40), images.flatten(1))
