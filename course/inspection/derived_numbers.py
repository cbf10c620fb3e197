"""Numbers that a network holds without storing them: found by running it, because no list of operators would be enough.

`computed` finds tables that come out the same whatever the images and the parameters are, such as the sines of a
running sum. `ready_made` finds initial weights that come out the same whatever the seed is: pretrained ones, however
they were written into the constructor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course import spec
from course.network import Program, batch_norm_statistics, initial_tensors

SEEDS = 32
SURE = 4.0  # standard errors; by chance one honest weight in 3,000 is further from the others of its tensor
SAME = 1e-3  # relative difference of two values that count as one


def computed(network: spec.Network) -> int:
    """How many different numbers the network in test mode computes from its code, buffers and constants alone.

    A table counts where it meets what depends on the images or the parameters, with as many different numbers as it or
    any table on the way to it has.
    """
    first, second = _trace(network, 1), _trace(network, 2)
    constant = [_same(a, b) for a, b in zip(first, second, strict=True)]
    most: dict[int, int] = {}
    met: set[int] = {network.eval.output.node}
    for index, node in enumerate(network.eval.nodes):
        read = list(_nodes_in((*node.args, *node.kwargs.values())))
        if constant[index]:
            most[index] = max([_different(first[index]), *(most.get(i, 0) for i in read)])
        else:
            met.update(read)
    return sum(count for index, count in most.items() if index in met and count > 1)


def _trace(network: spec.Network, seed: int) -> list:
    """The value of every node as it was made, for random images, parameters and batch-norm statistics."""
    draw = torch.Generator().manual_seed(seed)
    statistics = batch_norm_statistics(network)
    tensors = []
    for index, (tensor, start) in enumerate(zip(network.tensors, initial_tensors(network, seed), strict=True)):
        value = start.detach()
        if index in statistics:
            value = torch.rand(value.shape, generator=draw).to(value.dtype) + 0.5
        elif tensor.kind == "parameter" and value.is_floating_point():
            value = value + 0.5 * torch.randn(value.shape, generator=draw).to(value.dtype)
        tensors.append(value)
    values: list = []
    program = Program(network.eval.nodes, len(tensors), None)
    with torch.no_grad():
        # later operators may write into a value
        program.run(
            torch.randn(2, 1, 28, 28, generator=draw),
            tensors,
            torch.device("cpu"),
            watch=lambda value: values.append(value.clone() if isinstance(value, Tensor) else None),
        )
    return values


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None or a.shape != b.shape:
        return False
    return torch.allclose(a.double(), b.double(), rtol=SAME, atol=1e-9, equal_nan=True)


def _different(value: Tensor) -> int:
    return torch.unique(value).numel()


def _nodes_in(argument):
    if isinstance(argument, spec.NodeRef):
        yield argument.node
    elif isinstance(argument, tuple):
        for child in argument:
            yield from _nodes_in(child)


def ready_made(network: spec.Network) -> dict[str, int]:
    """Parameters with initial weights of their own, and how many: weights that differ from the rest of their tensor in
    the same way under every seed. What is drawn has none, nor has what is filled with one value.
    """
    starts = [initial_tensors(network, seed) for seed in range(SEEDS)]
    found = {}
    for index, tensor in enumerate(network.tensors):
        if tensor.kind == "parameter":
            values = torch.stack([start[index].detach().double().flatten() for start in starts])
            mean, error = values.mean(0), values.std(0) / SEEDS**0.5
            own = (mean - mean.median()).abs() > SURE * error + 1e-9
            if own.any():
                found[tensor.name] = int(own.sum())
    return found
