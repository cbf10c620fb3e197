"""How the kernels keep a batch of images in memory: in blocks of 32 images, which are innermost.

A value of N images, each of shape (C, H, W), is a tensor (blocks, C, H, W, 32). The images that a last block lacks are
computed too, from zeros, and never counted. With the images innermost every vector is full, whatever the number of
channels; and a block is small enough for a core's own cache.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course.kernels.builder import LANES

BLOCK = 32  # images
VECTORS = BLOCK // LANES  # of one number of each image of a block


def blocks_of(images: int) -> int:
    return -(-images // BLOCK)


def empty(images: int, shape: tuple[int, ...]) -> Tensor:
    """Uninitialised memory for `images` images of this shape."""
    return torch.empty(blocks_of(images), *shape, BLOCK)


def pack(images: Tensor, blocks: Tensor) -> None:
    """Copy (N, ...) into `blocks`; images that the last block lacks become 0."""
    whole, rest = divmod(len(images), BLOCK)
    shaped = images.reshape(len(images), *blocks.shape[1:-1])
    if whole:
        blocks[:whole].movedim(-1, 1).copy_(shaped[: whole * BLOCK].view(whole, BLOCK, *blocks.shape[1:-1]))
    if rest:
        blocks[whole, ..., rest:] = 0
        blocks[whole, ..., :rest].movedim(-1, 0).copy_(shaped[whole * BLOCK :])


def unpack(blocks: Tensor, images: int) -> Tensor:
    """The first `images` images, (N, ...), as a tensor of its own."""
    return blocks.movedim(-1, 1).reshape(-1, *blocks.shape[1:-1])[:images].contiguous()
