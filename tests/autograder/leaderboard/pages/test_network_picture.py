"""The network as blocks."""

import itertools

from autograder.leaderboard.pages.network_picture import GAP, MAX_HEIGHT, network_blocks
from course.inspection.checks import inspect


def test_every_layer_is_a_block_and_none_overlaps_another(spec):
    layers = inspect(spec).layers
    blocks = network_blocks(layers)
    assert len(blocks) == len(layers) > 0
    assert [later.x - (block.x + block.width) for block, later in itertools.pairwise(blocks)] == [GAP] * (
        len(blocks) - 1
    )
    assert all(0 < block.height <= MAX_HEIGHT for block in blocks)


def test_a_block_is_coloured_by_its_operator_and_named_with_its_shape(spec):
    layers = inspect(spec).layers
    first = network_blocks(layers)[0]
    assert first.kind == "convolution" and first.description == "conv, conv2d: 4x8x8"
    assert {block.kind for block in network_blocks(layers)} == {"convolution", "pooling", "dropout", "other"}
    assert network_blocks([]) == []
