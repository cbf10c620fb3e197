"""An exponential moving average of a network's weights, which takes their place where the network is tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


class WeightAverage:
    """The average of `tensors`, which training changes in place: weights, and running statistics as well.

    After the first step it is their copy; each later one keeps `decay` of it. This is PyTorch's `AveragedModel` with
    `get_ema_multi_avg_fn` and `use_buffers=True`: statistics that belong to the last weights would not fit averaged
    ones. A step on a GPU needs no decision of the host. Each number is rounded in the same way on every processor.
    """

    def __init__(self, tensors: Mapping[str, Tensor], decay: float):
        """`tensors` by name; integers, which nobody averages, are left out."""
        averaged = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
        self._names, self._tensors, self._decay = list(averaged), list(averaged.values()), decay
        self._averages = [torch.zeros_like(tensor, requires_grad=False) for tensor in self._tensors]
        # of the next weights in the average: all of it, and from the second step on what the decay leaves
        self._share = torch.ones((), device=self._tensors[0].device)

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after one more step."""
        differences = torch._foreach_sub(self._tensors, self._averages)
        torch._foreach_mul_(differences, self._share)
        torch._foreach_add_(self._averages, differences)
        self._share.fill_(1 - self._decay)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Inside: the tensors have the average's values. Afterwards: their own."""
        own = [tensor.detach().clone() for tensor in self._tensors]
        _copy(self._averages, self._tensors)
        try:
            yield
        finally:
            _copy(own, self._tensors)

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of the averages, by name."""
        return {name: average.clone() for name, average in zip(self._names, self._averages, strict=True)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with a state that was taken after at least one step."""
        _copy([state[name] for name in self._names], self._averages)
        self._share.fill_(1 - self._decay)


@torch.no_grad()
def _copy(sources: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
    for source, target in zip(sources, targets, strict=True):
        target.copy_(source)
