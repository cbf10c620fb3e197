"""What one training step costs. It is run on PyTorch's meta device, which computes shapes and no numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from course.errors import SpecError
from course.network import TrainableNetwork
from course.spec import Spec, leaves
from course.training.scoring import LOSSES

USUAL_BATCH_SIZE = 128


@dataclass(frozen=True)
class StepCost:
    """One step, forward and backward: `flops`; `elements` read and written by all operators; `memory` in bytes."""

    flops: int
    elements: int
    memory: int


# usual networks at batch size 128 take 0.1-1.1 GFLOP and up to 60 M elements
MAX_STEP_COST = StepCost(flops=5_000_000_000, elements=300_000_000, memory=2 * 1024**3)

_POOLS = ("max_pool2d_with_indices", "avg_pool2d")  # with the window as second argument; 1-d ones are made of them
_SORTS = ("sort", "topk")


def step_cost(spec: Spec) -> StepCost:
    """The cost of one step at the spec's batch size; `memory` counts every intermediate value. Raises SpecError."""
    network = TrainableNetwork(spec.network, 0, "meta")
    images = torch.zeros(spec.batch_size, 1, 28, 28, device="meta")
    labels = torch.zeros(spec.batch_size, dtype=torch.int64, device="meta")
    with FlopCounterMode(display=False) as flops, _ElementCounter() as elements:
        try:
            LOSSES[spec.loss](network(images, training=True), labels).backward()
        except RuntimeError as error:
            if "does not require grad" in str(error):
                raise SpecError("The network cannot be trained: no parameter takes part in its output.") from None
            raise SpecError(f"The network cannot be trained: {str(error).strip().splitlines()[0][:200]}") from error
    return StepCost(flops=flops.get_total_flops(), elements=elements.touched, memory=elements.output_bytes)


def cost_problems(cost: StepCost, batch_size: int) -> list[str]:
    """A sentence for each limit of `MAX_STEP_COST` that a step exceeds.

    A batch below the usual size means more steps, so its cost is scaled to that of a usual one.
    """
    scale = max(1.0, USUAL_BATCH_SIZE / batch_size)
    comparisons = (
        (scale * cost.flops / 1e9, MAX_STEP_COST.flops / 1e9, "GFLOP"),
        (scale * cost.elements / 1e6, MAX_STEP_COST.elements / 1e6, "million elements read and written"),
        (scale * cost.memory / 2**30, MAX_STEP_COST.memory / 2**30, "GiB of intermediate values"),
    )
    return [
        f"One training step on {max(batch_size, USUAL_BATCH_SIZE)} images takes {value:,.1f} {unit}, and "
        f"{limit:,.0f} are allowed: use fewer channels or pool earlier."
        for value, limit, unit in comparisons
        if value > limit
    ]


class _ElementCounter(TorchDispatchMode):
    """Adds up what operators read and write: a FLOP counter alone misses a giant max-pool or a stride-0 expand.

    Pooling reads a whole window for each element that it writes; sorting reads each element log2(n) times.
    """

    def __init__(self) -> None:
        super().__init__()
        self.touched = self.output_bytes = 0

    def __torch_dispatch__(
        self,
        op: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = op(*args, **(kwargs or {}))
        outputs = _tensors(result)
        self.output_bytes += sum(t.numel() * t.element_size() for t in outputs)
        self.touched += sum(t.numel() for t in (*outputs, *_tensors(args))) + _repeated_reads(op, args, outputs)
        return result


def _repeated_reads(op: OpOverload, args: tuple[Any, ...], outputs: list[Tensor]) -> int:
    name = op._schema.name.removeprefix("aten::")
    if name in _POOLS:
        window: Sequence[int] = args[1]
        return outputs[0].numel() * math.prod(window)
    if name in _SORTS:
        elements: int = args[0].numel()
        return elements * elements.bit_length()
    return 0


def _tensors(value: object) -> list[Tensor]:
    return [leaf for leaf in leaves(value) if isinstance(leaf, Tensor)]
