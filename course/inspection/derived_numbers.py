"""Numbers that a network holds without storing them in a tensor of its own.

They are found by running the network, because no list of operators would be complete: tables that come out the same
whatever the images and the parameters are, such as the sines of a running sum.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course import spec
from course.network import Program, batch_norm_statistics, initial_tensors

EQUAL_TOLERANCE = 1e-3  # relative difference of two values that count as equal


def count_derived_values(network: spec.Network) -> int:
    """How many distinct numbers the network in test mode computes from its code, buffers and constants alone.

    A table of such numbers is counted where an operator joins it with what depends on the images or the parameters. It
    counts as many distinct numbers as it has, or as the largest table that it was computed from.
    """
    first, second = _trace(network, 1), _trace(network, 2)
    is_constant = [_equal(a, b) for a, b in zip(first, second, strict=True)]
    sizes: dict[int, int] = {}  # constant node -> distinct numbers
    joined: set[int] = {network.eval.output.node}
    for index, node in enumerate(network.eval.nodes):
        arguments = spec.leaves((*node.args, *node.kwargs.values()))
        inputs = [argument.node for argument in arguments if isinstance(argument, spec.NodeRef)]
        if is_constant[index]:
            sizes[index] = max([_distinct(first[index]), *(sizes.get(i, 0) for i in inputs)])
        else:
            joined.update(inputs)
    return sum(size for index, size in sizes.items() if index in joined and size > 1)


def _trace(network: spec.Network, seed: int) -> list[Tensor | None]:
    """The value of every node as it was computed, for random images, parameters and batch-norm statistics."""
    generator = torch.Generator().manual_seed(seed)
    statistics = batch_norm_statistics(network)
    tensors = []
    for index, (tensor, start) in enumerate(zip(network.tensors, initial_tensors(network, seed), strict=True)):
        value = start.detach()
        if index in statistics:
            value = torch.rand(value.shape, generator=generator).to(value.dtype) + 0.5
        elif tensor.kind == "parameter" and value.is_floating_point():
            value = value + 0.5 * torch.randn(value.shape, generator=generator).to(value.dtype)
        tensors.append(value)
    values: list[Tensor | None] = []
    program = Program(network.eval.nodes, len(tensors), None)
    with torch.no_grad():
        program.run(
            torch.randn(2, 1, 28, 28, generator=generator),
            tensors,
            torch.device("cpu"),
            # a copy, because later operators may write into a value
            watch=lambda value: values.append(value.clone() if isinstance(value, Tensor) else None),
        )
    return values


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None or a.shape != b.shape:
        return False
    return torch.allclose(a.double(), b.double(), rtol=EQUAL_TOLERANCE, atol=1e-9, equal_nan=True)


def _distinct(value: Tensor | None) -> int:
    return 0 if value is None else int(torch.unique(value).numel())
