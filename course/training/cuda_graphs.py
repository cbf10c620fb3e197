"""A training step's forward and backward, recorded once as a CUDA graph and then replayed: one launch for all kernels.

The optimizer's step stays outside: its rates, and whatever else a schedule sets, are numbers that a recording would
freeze, and a step over all parameters at once is a few launches. Not measured yet; off unless somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from course.errors import GraderError

Compute = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
WARM_UP = 3  # calls before the recording, in which libraries set themselves up; as PyTorch's notes on CUDA graphs ask


def record(compute: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Callable[[], None], tuple[Tensor, Tensor]]:
    """Record what `compute` launches, without running it: the replay, and the tensors that each replay fills.

    Random numbers go on from where the generator stands at each replay. Raises GraderError.
    """
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = compute()
    except Exception as error:  # a copy to the host, say, which the recipe is free to ask for
        raise GraderError(
            f"This network cannot be recorded as a CUDA graph ({str(error)[:200]}). Grade it without --cuda-graphs."
        ) from error
    return graph.replay, results


class Graphed:
    """`compute`, which leaves gradients in `parameters`, replayed for batches of the size of the first one.

    Other sizes, as an epoch's last batch has, are computed as ever. What a call returns is overwritten by the next.
    """

    def __init__(self, compute: Compute, parameters: Iterable[Tensor], record=record):
        self._compute, self._parameters, self._record = compute, list(parameters), record
        self._calls = 0
        self._inputs: tuple[Tensor, Tensor] | None = None
        self._replay: Callable[[], None] | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if self._inputs is None:
            self._inputs = images.clone(), labels.clone()
        if images.shape != self._inputs[0].shape:
            return self._compute(images, labels)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._compute(images, labels)
        if self._replay is None:
            self._replay, self._results = self._record(lambda: self._compute(*self._inputs))
            self._gradients = [parameter.grad for parameter in self._parameters]
        for fixed, given in zip(self._inputs, (images, labels), strict=True):
            fixed.copy_(given)
        self._replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient  # a batch of another size has put its own there
        return self._results
