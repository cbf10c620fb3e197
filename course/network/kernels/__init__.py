"""What a small network computes on a CPU, made for 1 to 32 channels: convolution, batch norm, ReLU, dropout, max-pool.

    layout       images lie in memory with the batch innermost: what is next to a number belongs to the next image
    convolution  what convolutions do, in loops that LLVM compiles for the processor at hand (`vectors`)
    norm         batch norm, ReLU and dropout in one pass over memory
    pooling      max-pooling

PyTorch's own are made for wide layers and vectors of 16 channels: with 10 of them a core is busy with channels that are
not there. With the batch innermost every vector is full, whatever the number of channels. These compute the same, but
for rounding (tests compare outputs and gradients on random shapes), on one thread. They are given what PyTorch's
operators are given; what they do not cover goes there. `make bench` measures.
"""

import torch

from course.network.kernels.convolution import conv2d
from course.network.kernels.norm import batch_norm, dropout
from course.network.kernels.pooling import max_pool2d

__all__ = ["batch_norm", "conv2d", "dropout", "load", "max_pool2d"]


def load() -> None:
    """Compile everything now: a process that forks others does so before, and they share it.

    Convolutions are compiled for numbers of channels, each in milliseconds, when they are first used.
    """
    images, one = torch.zeros(2, 1, 2, 2), torch.ones(1)
    for p in (0.0, 0.5):
        hidden = conv2d(images, torch.zeros(1, 1, 1, 1, requires_grad=True))
        normed = batch_norm(hidden, one, one, None, None, True, 0.1, 1e-5, True, relu=True, p=p)
        max_pool2d(normed, 2).sum().backward()
