"""The operators of a network as a table: output shape, parameters and receptive field of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course.network import Program
from course.spec import Argument, Network, Node

IMAGE_SIZE = 28  # height and width of an MNIST image in pixels
_GLOBAL = (
    "linear matmul mm bmm addmm baddbmm einsum scaled_dot_product_attention adaptive_avg_pool2d adaptive_max_pool2d"
).split()
_REDUCTIONS = "mean sum amax amin max min var std logsumexp".split()
_NOT_LISTED = ("sym_size", "detach", "alias")


@dataclass(frozen=True)
class Layer:
    """One operator in eval mode. `shape` is its output's without the batch; `receptive_field` is a side in pixels."""

    name: str
    operator: str
    shape: tuple[int, ...]
    parameters: int
    receptive_field: int


def list_layers(network: Network) -> tuple[Layer, ...]:
    """The operators in order, with output shape, parameters first used there, and receptive field.

    The receptive field grows by (kernel - 1) x dilation x jump at each convolution or pooling, where jump is the
    product of the strides so far (Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", 2019).
    Dense layers and means over positions see the whole image. Padding does not change the field.
    """
    program = Program(network.eval.nodes, len(network.tensors), None)
    tensors = [torch.zeros(t.shape, dtype=getattr(torch, t.dtype.dtype), device="meta") for t in network.tensors]
    with torch.no_grad():
        values = program.run(torch.zeros(2, 1, 28, 28, device="meta"), tensors, torch.device("meta"))
    fields: dict[int, _Field] = {0: _Field(1, 1)}  # by value
    counted: set[int] = set()
    layers = []
    for index, (node, call) in enumerate(zip(network.eval.nodes, program.calls, strict=True), program.first_node):
        reads = call.reads
        inputs = [fields[i] for i in reads if i in fields]
        fields[index] = _field_after(node, values[index], [values[i] for i in reads], max(inputs, default=_Field(1, 1)))
        parameters = {i for i in reads if 0 < i < program.first_node and network.tensors[i - 1].kind == "parameter"}
        value = values[index]
        if isinstance(value, Tensor) and node.operator not in _NOT_LISTED:
            layers.append(
                Layer(
                    name=node.layer,
                    operator=node.operator,
                    shape=tuple(value.shape[1:]),
                    parameters=sum(values[i].numel() for i in parameters - counted),
                    receptive_field=min(fields[index].side, IMAGE_SIZE),
                )
            )
        counted |= parameters
    return tuple(layers)


@dataclass(frozen=True, order=True)
class _Field:
    side: int  # of the receptive field, in pixels
    jump: int  # pixels of the image between two neighbouring outputs


def _field_after(node: Node, output: object, inputs: Sequence[object], before: _Field) -> _Field:
    """The receptive field of `node`'s output; `before` is the largest among its inputs."""
    operator = node.operator
    if operator in _GLOBAL or (operator in _REDUCTIONS and _positions(output) != _positions(inputs[0])):
        return _Field(IMAGE_SIZE, before.jump)
    if operator == "pixel_unshuffle":
        factor = max(_integers(_argument(node, 1)))
        return _Field(before.side + (factor - 1) * before.jump, before.jump * factor)
    dilations: Sequence[int] = (1,)
    if operator == "conv2d":
        weight = inputs[1]
        assert isinstance(weight, Tensor)  # else the network could not have been run
        kernel: Sequence[int] = weight.shape[-2:]
        strides, dilations = _integers(_argument(node, 3)), _integers(_argument(node, 5))
    elif operator in ("max_pool2d", "avg_pool2d"):
        kernel = _integers(_argument(node, 1))
        stride = _argument(node, 2)
        strides = _integers(stride) if stride else kernel
        if operator == "max_pool2d":
            dilations = _integers(_argument(node, 4))
    else:
        return before
    side = before.side + (max(kernel) - 1) * max(dilations) * before.jump
    return _Field(side, before.jump * max(strides))


def _positions(value: object) -> tuple[int, ...]:
    """Height and width of (N, C, H, W); () for anything else."""
    tensor = value[0] if isinstance(value, tuple | list) else value  # aten.max gives values and indices
    return tuple(tensor.shape[2:]) if isinstance(tensor, Tensor) and tensor.dim() == 4 else ()


def _argument(node: Node, position: int) -> Argument:
    return node.args[position] if len(node.args) > position else None


def _integers(value: Argument) -> tuple[int, ...]:
    """The integers in an argument; (1,) for one that is left out or computed while the network runs."""
    return tuple(v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, int)) or (1,)
