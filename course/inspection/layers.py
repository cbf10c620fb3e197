"""The operators of a network as a table: output shape, parameters and receptive field of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course import spec
from course.inspection.counting import read_tensors
from course.inspection.record import IMAGE_SIZE, NOT_USED, Layer
from course.network import Program
from course.network.operators import bind, resolve

_GLOBAL = (
    "linear matmul mm bmm addmm baddbmm einsum scaled_dot_product_attention adaptive_avg_pool2d adaptive_max_pool2d"
).split()
_REDUCTIONS = "mean sum amax amin max min var std logsumexp".split()
_NOT_LISTED = ("sym_size", "detach", "alias")


def list_layers(network: spec.Network) -> tuple[Layer, ...]:
    """The operators in order, with output shape, parameters first used there, and receptive field.

    The receptive field grows by (kernel - 1) x dilation x jump at each convolution or pooling, where jump is the
    product of the strides so far (Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks", 2019).
    Dense layers and means over positions see the whole image. Padding does not change the field. Layers with parameters
    that no operator reads come last.
    """
    program = Program(network.eval.nodes, len(network.tensors), None)
    tensors = [torch.zeros(t.shape, dtype=getattr(torch, t.dtype.dtype), device="meta") for t in network.tensors]
    with torch.no_grad():
        values = program.run(torch.zeros(2, 1, 28, 28, device="meta"), tensors, torch.device("meta"))
    by_reference = _by_reference(values, len(tensors))
    fields: dict[spec.Reference, _Field] = {spec.Input(): _Field(1, 1)}
    counted: set[spec.TensorRef] = set()
    layers = []
    for number, node in enumerate(network.eval.nodes):
        arguments = bind(resolve(node.op), node.args, node.kwargs)
        inputs = [leaf for leaf in spec.leaves(tuple(arguments.values())) if isinstance(leaf, spec.Reference)]
        output = by_reference[spec.NodeRef(node=number)]
        before = max((fields[i] for i in inputs if i in fields), default=_Field(1, 1))
        field = fields[spec.NodeRef(node=number)] = _field_after(node.operator, arguments, by_reference, output, before)
        parameters = {
            i for i in inputs if isinstance(i, spec.TensorRef) and network.tensors[i.tensor].kind == "parameter"
        }
        if isinstance(output, Tensor) and node.operator not in _NOT_LISTED:
            layers.append(
                Layer(
                    name=node.layer,
                    operator=node.operator,
                    shape=tuple(output.shape[1:]),
                    parameters=sum(tensors[i.tensor].numel() for i in parameters - counted),
                    receptive_field=min(field.side, IMAGE_SIZE),
                )
            )
        counted |= parameters
    return (*layers, *_unused_layers(network))


def _unused_layers(network: spec.Network) -> list[Layer]:
    sizes: Counter[str] = Counter()
    read = read_tensors(network)
    for index, tensor in enumerate(network.tensors):
        if tensor.kind == "parameter" and index not in read:
            sizes[tensor.name.rpartition(".")[0] or tensor.name] += math.prod(tensor.shape)
    return [Layer(name, NOT_USED, (), size, 1) for name, size in sizes.items()]


def _by_reference(values: Sequence[object], tensors: int) -> dict[spec.Reference, object]:
    """The values of a program, which are numbered: the input, then the tensors, then the nodes."""
    image, *rest = values
    return {
        spec.Input(): image,
        **{spec.TensorRef(tensor=number): value for number, value in enumerate(rest[:tensors])},
        **{spec.NodeRef(node=number): value for number, value in enumerate(rest[tensors:])},
    }


@dataclass(frozen=True, order=True)
class _Field:
    side: int  # of the receptive field, in pixels
    jump: int  # pixels of the image between two neighbouring outputs


def _field_after(
    operator: str,
    arguments: Mapping[str, spec.Argument],
    values: Mapping[spec.Reference, object],
    output: object,
    before: _Field,
) -> _Field:
    """The receptive field of an operator's output; `before` is the largest among its inputs."""
    if operator in _GLOBAL or (
        operator in _REDUCTIONS and _positions(output) != _positions(_value(arguments["self"], values))
    ):
        return _Field(IMAGE_SIZE, before.jump)
    if operator == "pixel_unshuffle":
        factor = max(_integers(arguments["downscale_factor"]))
        return _Field(before.side + (factor - 1) * before.jump, before.jump * factor)
    if operator == "conv2d":
        weight = _value(arguments["weight"], values)
        assert isinstance(weight, Tensor)  # else the network could not have been run
        kernel: Sequence[int] = weight.shape[-2:]
        strides = _integers(arguments.get("stride"))
    elif operator in ("max_pool2d", "avg_pool2d"):
        kernel = _integers(arguments["kernel_size"])
        strides = _integers(arguments["stride"]) if arguments.get("stride") else kernel
    else:
        return before
    dilation = max(_integers(arguments.get("dilation")))  # avg_pool2d has none
    return _Field(before.side + (max(kernel) - 1) * dilation * before.jump, before.jump * max(strides))


def _value(argument: spec.Argument, values: Mapping[spec.Reference, object]) -> object:
    return values[argument] if isinstance(argument, spec.Reference) else argument


def _positions(value: object) -> tuple[int, ...]:
    """Height and width of (N, C, H, W); () for anything else."""
    tensor = value[0] if isinstance(value, tuple | list) else value  # aten.max gives values and indices
    return tuple(tensor.shape[2:]) if isinstance(tensor, Tensor) and tensor.dim() == 4 else ()


def _integers(value: spec.Argument) -> tuple[int, ...]:
    """The integers in an argument; (1,) for one that is left out or computed while the network runs."""
    return tuple(v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, int)) or (1,)
