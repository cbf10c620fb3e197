"""Operators for small networks on a CPU, with 1 to 32 channels: convolution, batch norm, ReLU, dropout, max-pooling.

    convolution     loops that LLVM compiles for the processor at hand
    norm            batch norm, ReLU and dropout in one pass over memory
    dropout_masks   dropout alone, and its random bits
    pooling         max-pooling
    layout          tensors whose batch dimension is innermost in memory
    llvm_loops      builds loop nests over vectors, compiled by LLVM
    numba_loops     how Numba compiles the other loops, and keeps what it compiled

PyTorch's CPU operators compute vectors of 16 channels. With 10 channels, 6 of each vector's lanes are wasted. With the
batch innermost every vector is full, whatever the number of channels. The functions here take the arguments of
PyTorch's operators and give the same results but for rounding, on one thread; tests compare outputs and gradients on
random shapes. Arguments that they do not support are passed on to PyTorch's operators. `make bench` measures the speed.
"""

import torch

from course.network.kernels.convolution import conv2d
from course.network.kernels.dropout_masks import dropout
from course.network.kernels.norm import batch_norm, instance_norm
from course.network.kernels.pooling import max_pool2d

__all__ = ["batch_norm", "conv2d", "dropout", "instance_norm", "max_pool2d", "precompile"]


def precompile() -> None:
    """Compile the loops now. A process that forks calls it first, so that its children share the compiled code.

    Convolutions are compiled for each number of channels when it first occurs; this takes milliseconds.
    """
    images, ones = torch.zeros(2, 1, 2, 2), torch.ones(1)
    for p in (0.0, 0.5):
        hidden = conv2d(images, torch.zeros(1, 1, 1, 1, requires_grad=True))
        normed = batch_norm(hidden, ones, ones, None, None, True, 0.1, 1e-5, True, relu=True, p=p)
        max_pool2d(normed, 2).sum().backward()
