"""What one training step costs: counted from the shapes as they are executed, and confirmed by one real step.

The count runs a step on PyTorch's meta device, which computes shapes and no numbers. Each operator reads its inputs and
writes its outputs once; those that do more are in `_REPEATED_READS`, or are floating-point operations.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from course.data import train_size
from course.errors import SpecError
from course.inspection.record import MAX_STEP_COST, StepCost
from course.inspection.trials.images import digits
from course.network import TrainableNetwork
from course.network.operators import SIZE_OPERATORS, bind
from course.network.planned import IMAGES_AT_ONCE
from course.recipe import VALIDATION_IMAGES
from course.spec import Spec, leaves
from course.training.devices import deterministic
from course.training.loop import EVAL_BATCH
from course.training.scoring import LOSSES

USUAL_BATCH_SIZE = 128

# A step at all limits takes about a second of one core, so these are exceeded by work that is not counted, and neither
# by a slow machine nor by a busy one.
TRIAL_SECONDS = 2.0  # any step
TRIAL_SECONDS_AT_LIMIT = 10.0  # in addition: a step that reaches one limit of `MAX_STEP_COST`
TRIALS = 3  # the fastest one counts


def step_cost(spec: Spec) -> StepCost:
    """The cost of one step at the spec's batch size; `memory` counts every intermediate value. Raises SpecError.

    Where sizes are computed from the batch's, a batch of another size may cost more for each image. Then the dearest of
    those that occur counts.
    """
    network = TrainableNetwork(spec.network, 0, "meta")
    costs = [_cost_of_batch(network, spec, size).scaled(min(1.0, spec.batch_size / size)) for size in _sizes(spec)]
    return StepCost(
        flops=max(cost.flops for cost in costs),
        elements=max(cost.elements for cost in costs),
        memory=max(cost.memory for cost in costs),
    )


def _sizes(spec: Spec) -> set[int]:
    """The sizes of batches on which the network is run, as far as its work may depend on them."""
    nodes = (*spec.network.train.nodes, *spec.network.eval.nodes)
    if not any(node.op in SIZE_OPERATORS and node.op != "size.getitem" for node in nodes):
        return {spec.batch_size}
    train = train_size()
    last = {images % spec.batch_size for images in (train, train - min(VALIDATION_IMAGES, train // 4))}
    return {spec.batch_size, EVAL_BATCH, IMAGES_AT_ONCE, EVAL_BATCH % IMAGES_AT_ONCE, *last} - {0}


def _cost_of_batch(network: TrainableNetwork, spec: Spec, size: int) -> StepCost:
    images = torch.zeros(size, 1, 28, 28, device="meta")
    labels = torch.zeros(size, dtype=torch.int64, device="meta")
    with FlopCounterMode(display=False, custom_mapping=_FLOPS) as flops, _ElementCounter() as elements:
        _step(network, spec, images, labels)
    return StepCost(flops=flops.get_total_flops(), elements=elements.touched, memory=elements.output_bytes)


def _step(network: TrainableNetwork, spec: Spec, images: Tensor, labels: Tensor) -> None:
    """Forward and backward. Raises SpecError."""
    try:
        LOSSES[spec.loss](network(images, training=True), labels).backward()
    except RuntimeError as error:
        if "does not require grad" in str(error):
            raise SpecError("The network cannot be trained: no parameter takes part in its output.") from None
        raise SpecError(f"The network cannot be trained: {str(error).strip().splitlines()[0][:200]}") from error


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


def trial_problems(spec: Spec, cost: StepCost, clock: Callable[[], float] = time.thread_time) -> list[str]:
    """A sentence if one real step takes far longer than `cost`, the counted work, can explain.

    `clock` gives the seconds that this thread has computed, so that other programs do not lengthen them.
    """
    count = min(spec.batch_size, USUAL_BATCH_SIZE)
    images, labels = digits(spec, count), torch.arange(count) % 10
    allowed = TRIAL_SECONDS + TRIAL_SECONDS_AT_LIMIT * cost.scaled(count / spec.batch_size).share()
    seconds = math.inf
    with torch.random.fork_rng(devices=[]), deterministic(torch.device("cpu")):
        network = TrainableNetwork(spec.network, 0)
        for _ in range(TRIALS):
            began = clock()
            _step(network, spec, images, labels)
            seconds = min(seconds, clock() - began)
            if seconds <= allowed:
                return []
    return [
        f"One training step on {count} images took {seconds:.1f} seconds, and the work that is counted for it explains "
        f"{allowed:.1f}. Look for an operator that is used in an unusual way, such as on numbers near 1e-40, or use a "
        "smaller network."
    ]


class _ElementCounter(TorchDispatchMode):
    """Adds up what operators read and write: a FLOP counter alone misses a giant max-pool or a stride-0 expand."""

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
        self.touched += sum(t.numel() for t in (*outputs, *_tensors(args)))
        name = op._schema.name.removeprefix("aten::")
        if name in _REPEATED_READS:
            self.touched += _REPEATED_READS[name](bind(op, args, kwargs or {}, defaults=True), outputs)
        return result


def _pooled(call: Mapping[str, Any], outputs: list[Tensor]) -> int:
    """Each element of the pooled image reads a window, which is as large as the image at most."""
    pooled: Tensor = call.get("grad_output", outputs[0])
    images: Tensor = call["self"]
    sides = [min(size, side) for size, side in zip(_pair(call["kernel_size"]), images.shape[-2:], strict=True)]
    return pooled.numel() * math.prod(sides)


def _adaptively_pooled(call: Mapping[str, Any], outputs: list[Tensor]) -> int:
    """The windows of one image differ by a pixel where the sides do not divide."""
    pooled: Tensor = call.get("grad_output", outputs[0])
    images: Tensor = call["self"]
    sides = zip(images.shape[-2:], pooled.shape[-2:], strict=True)
    return pooled.numel() * math.prod(-(-side // parts) + (side % parts > 0) for side, parts in sides if parts)


def _sorted(call: Mapping[str, Any], outputs: list[Tensor]) -> int:
    """Each element is read as often as its row can be halved."""
    rows: Tensor = call["self"]
    length = rows.shape[call["dim"]] if rows.dim() else 1
    return rows.numel() * length.bit_length()


def _multiplied_by_threes(call: Mapping[str, Any], outputs: list[Tensor]) -> int:
    """`_trilinear`: sums of products over all dimensions of three tensors that are expanded to each other."""
    expanded = []
    for number in "123":
        tensor: Tensor = call[f"i{number}"]
        shape = list(tensor.shape)
        for dim in sorted(call[f"expand{number}"]):
            shape.insert(dim, 1)
        expanded.append(shape)
    return math.prod(max(sides) for sides in zip(*expanded, strict=True))


def _interpolated(call: Mapping[str, Any], outputs: list[Tensor]) -> int:
    """Each pixel of the new image reads 4 neighbours in each channel, or 16 (bicubic)."""
    neighbours = {1: 1, 2: 16}.get(call.get("interpolation_mode", 0), 4)
    interpolated: Tensor = call.get("grad_output", outputs[0])
    return neighbours * interpolated.numel()


def _reduced(call: Mapping[str, Any], outputs: list[Tensor]) -> int:
    """These start anew for each number that they write, which takes as long as reading 32."""
    return 32 * outputs[0].numel()


_REPEATED_READS: dict[str, Callable[[Mapping[str, Any], list[Tensor]], int]] = {
    **dict.fromkeys(("avg_pool2d", "avg_pool2d_backward", "max_pool2d_with_indices"), _pooled),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool2d_backward"), _adaptively_pooled),
    "adaptive_max_pool2d": _adaptively_pooled,
    **dict.fromkeys(("sort", "topk"), _sorted),
    "_trilinear": _multiplied_by_threes,
    **dict.fromkeys(("grid_sampler_2d", "grid_sampler_2d_backward"), _interpolated),
    **dict.fromkeys(("upsample_bilinear2d", "upsample_bilinear2d_backward"), _interpolated),
    **dict.fromkeys(("argmax", "argmin", "var", "std", "var_mean", "std_mean"), _reduced),
}


def _convolution_backward_flops(
    grad_output: Sequence[int], images: Sequence[int], weight: Sequence[int], *arguments: Any, **_: Any
) -> int:
    """For each of the two gradients as much as for the output. PyTorch's own formula multiplies by the groups."""
    transposed: bool = arguments[4]
    gradients: list[bool] = arguments[7][:2]
    places = math.prod((images if transposed else grad_output)[2:])
    return sum(gradients) * 2 * images[0] * places * math.prod(weight)


_FLOPS = {torch.ops.aten.convolution_backward: _convolution_backward_flops}


def _pair(sizes: Sequence[int]) -> Sequence[int]:
    """PyTorch takes one number for both sides."""
    return (sizes[0], sizes[0]) if len(sizes) == 1 else sizes


def _tensors(value: object) -> list[Tensor]:
    return [leaf for leaf in leaves(value) if isinstance(leaf, Tensor)]
