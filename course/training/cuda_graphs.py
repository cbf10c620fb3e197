"""Records the forward and backward pass of a training step as a CUDA graph, and replays it in one launch.

The optimizer's step is not recorded: learning rates, and other options that a schedule sets, are numbers that a
recording would freeze, and one step over all parameters is only a few launches. The speed-up has not been measured
yet, so CUDA graphs are off by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from course.errors import GraderError

StepResult = tuple[Tensor, Tensor]  # loss and number of correct images
Compute = Callable[[Tensor, Tensor], StepResult]  # of images and labels
RecordGraph = Callable[[Callable[[], StepResult]], tuple[Callable[[], None], StepResult]]
WARM_UP = 3  # calls before recording, in which libraries initialise; PyTorch's notes on CUDA graphs ask for it


def record_graph(compute: Callable[[], StepResult]) -> tuple[Callable[[], None], StepResult]:
    """Record the kernels that `compute` launches, without running them: the replay, and the tensors it fills.

    Each replay continues the random number generator's stream. Raises GraderError when recording fails.
    """
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = compute()
    except Exception as error:  # such as a copy to the host, which a recipe may contain
        raise GraderError(
            f"This network cannot be recorded as a CUDA graph ({str(error)[:200]}). Grade it without --cuda-graphs."
        ) from error
    return graph.replay, results


class _Recording:
    """One recorded step: fixed input tensors, the replay, and the tensors that it fills."""

    def __init__(self, compute: Compute, inputs: tuple[Tensor, Tensor], parameters: list[Tensor], record: RecordGraph):
        self._inputs, self._parameters = inputs, parameters
        self._replay, self._results = record(lambda: compute(*inputs))
        self._gradients = [parameter.grad for parameter in parameters]

    def __call__(self, *batch: Tensor) -> StepResult:
        for static, given in zip(self._inputs, batch, strict=True):
            static.copy_(given)
        self._replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient  # a batch of another size has replaced it
        return self._results


class GraphedStep:
    """`compute`, which leaves gradients in `parameters`, replayed for batches as large as the first one.

    Batches of another size, such as an epoch's last one, are computed as usual. Each call overwrites the tensors that
    the previous call returned.
    """

    def __init__(self, compute: Compute, parameters: Iterable[Tensor], record: RecordGraph = record_graph):
        self._compute, self._parameters, self._record = compute, list(parameters), record
        self._calls = 0
        self._inputs: tuple[Tensor, Tensor] | None = None
        self.recording: _Recording | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> StepResult:
        if self._inputs is None:
            self._inputs = images.clone(), labels.clone()
        if images.shape != self._inputs[0].shape:
            return self._compute(images, labels)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._compute(images, labels)
        if self.recording is None:
            self.recording = _Recording(self._compute, self._inputs, self._parameters, self._record)
        return self.recording(images, labels)
