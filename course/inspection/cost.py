"""What one training step costs, without training: it is run on PyTorch's meta device, which has no numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from course.errors import SpecError
from course.network import Program, TrainableNetwork, reads_of
from course.spec import Network, Spec
from course.training.scoring import LOSSES


@dataclass(frozen=True)
class Work:
    """One step, forward and backward: `flops`; `elements` read and written by all operators; `memory` in bytes."""

    flops: int
    elements: int
    memory: int


# Usual networks at batch 128 take 0.1-1.1 GFLOP and up to 60 M elements.
MOST = Work(flops=5_000_000_000, elements=300_000_000, memory=2 * 1024**3)


_POOLS = ("max_pool2d_with_indices", "avg_pool2d")  # with the window as second argument; 1-d ones are made of them
_SORTS = ("sort", "topk")


class _Elements(TorchDispatchMode):
    """Adds up what operators read and write: a FLOP counter alone misses a giant max-pool or a stride-0 expand.

    Pooling reads a window for each number that it writes, sorting each number once for every halving.
    """

    def __init__(self):
        super().__init__()
        self.touched = self.made = 0

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        out = op(*args, **(kwargs or {}))
        outputs = _tensors(out)
        self.made += sum(t.numel() * t.element_size() for t in outputs)
        self.touched += sum(t.numel() for t in (*outputs, *_tensors(args))) + _read_again(op, args, outputs)
        return out


def _read_again(op, args: tuple, outputs: list[Tensor]) -> int:
    word = op._schema.name.removeprefix("aten::")
    if word in _POOLS:
        return outputs[0].numel() * math.prod(args[1])
    if word in _SORTS:
        return args[0].numel() * args[0].numel().bit_length()
    return 0


def _tensors(value) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, list | tuple):
        return [t for v in value for t in _tensors(v)]
    return []


def work(spec: Spec) -> Work:
    """The work of one step at the spec's batch size; `memory` counts every value made once. Raises SpecError."""
    network = TrainableNetwork(spec.network, 0, "meta")
    images = torch.zeros(spec.batch_size, 1, 28, 28, device="meta")
    labels = torch.zeros(spec.batch_size, dtype=torch.int64, device="meta")
    with FlopCounterMode(display=False) as flops, _Elements() as elements:
        try:
            LOSSES[spec.loss](network(images, training=True), labels).backward()
        except RuntimeError as error:
            if "does not require grad" in str(error):
                raise SpecError("The network cannot be trained: no parameter takes part in its output.") from None
            raise SpecError(f"The network cannot be trained: {str(error).strip().splitlines()[0][:200]}") from error
    return Work(flops=flops.get_total_flops(), elements=elements.touched, memory=elements.made)


@dataclass(frozen=True)
class Layer:
    """One operator of the network in eval mode. `shape` leaves out the batch; `receptive_field` is a side in pixels."""

    name: str
    operator: str
    shape: tuple[int, ...]
    parameters: int
    receptive_field: int


WHOLE_IMAGE = 28
_EVERYWHERE = (
    "linear matmul mm bmm addmm baddbmm einsum scaled_dot_product_attention adaptive_avg_pool2d adaptive_max_pool2d"
).split()
_REDUCTIONS = "mean sum amax amin max min var std logsumexp".split()
_HIDDEN = ("sym_size", "detach", "alias")


def layers(network: Network) -> tuple[Layer, ...]:
    """The operators in order, with output shape, parameters first used there, and receptive field.

    The field grows by (kernel - 1) x dilation x jump at each convolution or pooling, where jump is the product of the
    strides so far; dense layers and means over positions see the whole image. Padding does not change it.
    """
    program = Program(network.eval.nodes, len(network.tensors), None)
    tensors = [torch.zeros(t.shape, dtype=getattr(torch, t.dtype.dtype), device="meta") for t in network.tensors]
    with torch.no_grad():
        values = program.run(torch.zeros(2, 1, 28, 28, device="meta"), tensors, torch.device("meta"))
    fields: dict[int, tuple[int, int]] = {0: (1, 1)}  # value -> (field, jump)
    seen: set[int] = set()
    rows = []
    for index, (node, step) in enumerate(zip(network.eval.nodes, program.steps, strict=True), program.first_node):
        reads = list(reads_of((*step.args, *step.kwargs.values())))
        inputs = [fields[i] for i in reads if i in fields]
        word = node.op.split(".")[1]
        fields[index] = _field(word, node, index, values, reads, inputs)
        own = {i for i in reads if 0 < i < program.first_node and network.tensors[i - 1].kind == "parameter"} - seen
        seen |= own
        value = values[index]
        if isinstance(value, Tensor) and word not in _HIDDEN:
            count = sum(values[i].numel() for i in own)
            rows.append(Layer(node.layer, word, tuple(value.shape[1:]), count, min(fields[index][0], WHOLE_IMAGE)))
    return tuple(rows)


def _field(
    word: str, node, index: int, values: list, reads: list[int], inputs: list[tuple[int, int]]
) -> tuple[int, int]:
    field, jump = max(inputs, default=(1, 1))
    if word in _EVERYWHERE or (word in _REDUCTIONS and _positions(values[index]) != _positions(values[reads[0]])):
        return WHOLE_IMAGE, jump
    if word == "pixel_unshuffle":
        factor = max(_pair(_argument(node, 1)))
        return field + (factor - 1) * jump, jump * factor
    if word == "conv2d":
        kernel, strides, dilations = values[reads[1]].shape[-2:], _argument(node, 3), _argument(node, 5)
    elif word in ("max_pool2d", "avg_pool2d"):
        kernel = _pair(_argument(node, 1))
        strides, dilations = _argument(node, 2) or kernel, _argument(node, 4) if word == "max_pool2d" else (1,)
    else:
        return field, jump
    side, stride, dilation = max(kernel), max(_pair(strides)), max(_pair(dilations))
    return field + (side - 1) * dilation * jump, jump * stride


def _positions(value) -> tuple[int, ...]:
    """Height and width of (N, C, H, W); nothing for what is no such tensor."""
    tensor = value[0] if isinstance(value, tuple | list) else value  # as max gives values and places
    return tuple(tensor.shape[2:]) if tensor.dim() == 4 else ()


def _argument(node, position: int):
    return node.args[position] if len(node.args) > position else None


def _pair(value) -> tuple[int, ...]:
    """The whole numbers in an argument; one that is computed while the network runs counts as 1."""
    return tuple(v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, int)) or (1,)
