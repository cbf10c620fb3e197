"""Kernels on PyTorch's tensors, so that they can be compared with its operators."""

from __future__ import annotations

import torch
from torch import Tensor

from course.kernels import layout
from course.kernels.instructions import Instruction, Instructions, using_threads
from course.kernels.pointwise import Draw, Pointwise, Steps


def packed(images: Tensor) -> Tensor:
    """(N, ...) in the kernels' layout."""
    blocks = layout.empty(len(images), tuple(images.shape[1:]))
    layout.pack(images, blocks)
    return blocks


def computed(instructions: list[Instruction], threads: int = 1) -> None:
    with using_threads(threads):
        Instructions(instructions).run()


def drawn(p: float) -> Draw:
    """The next random numbers that a network with one dropout layer draws."""
    key, level = torch.empty(1, 2, dtype=torch.int64).random_(-(2**63), None)[0].tolist()
    draw = Draw.with_probability(p)
    draw.set(key, level)
    return draw


def kernel_dropout(images: Tensor, p: float, training: bool) -> Tensor:
    """`F.dropout` with the masks of the kernels."""
    if not training:
        return images
    ones, mask = packed(torch.ones_like(images)), packed(torch.ones_like(images))
    computed(Pointwise(len(images), Steps(dropout="numbers"), drawn(p)).forward(ones, mask))
    return images * layout.unpack(mask, len(images))
