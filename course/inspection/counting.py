"""How many numbers a network can store: the count that is compared with the parameter limit.

It is not `sum(p.numel() for p in model.parameters())`, which sees only what calls itself a parameter. Counted are:
unique parameters (frozen and unused ones too), buffers that forward reads, other than batch norm's running statistics,
constants, tensors that operators create from sizes alone, and distinct numbers beyond `FREE_LITERALS` that are written
into the code. What is
computed from all of these without the images counts where it meets the images (`tables`), if that is more.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course import spec
from course.inspection.record import Part
from course.inspection.tables import TableUse
from course.network import Program, batch_norm_statistics
from course.network.operators import resolve, structural_arguments

FREE_LITERALS = 64  # dropout rates, eps, momenta, slopes: a usual network has fewer than ten
FREE_STATISTICS = 2048  # running means and variances: a usual network has fewer than 300
MAX_INTEGER = 2**24  # in the code; a larger one could hold several numbers
_FACTORIES = frozenset("zeros ones full empty arange linspace eye rand randn scalar_tensor".split())


def count_parameters(network: spec.Network) -> list[Part]:
    """Every number that the network stores in tensors or in its code, part by part."""
    free, read = batch_norm_statistics(network), read_tensors(network)
    counted = {
        index: tensor
        for index, tensor in enumerate(network.tensors)
        if index not in free and (index in read or tensor.kind == "parameter")
    }
    parts = [
        Part(tensor.kind, _describe_tensor(tensor), math.prod(tensor.shape))
        if index in read
        else Part("unused", f"{owner(tensor)}, which forward does not use", math.prod(tensor.shape))
        for index, tensor in counted.items()
    ]
    doubles = [tensor for tensor in counted.values() if _is_double(tensor)]
    if doubles:
        name = "second halves of numbers in double precision, which hold two"
        parts.append(Part("doubles", name, sum(math.prod(tensor.shape) for tensor in doubles)))
    statistics = sum(math.prod(network.tensors[index].shape) for index in free)
    if statistics > FREE_STATISTICS:
        name = f"running statistics of batch norm beyond {FREE_STATISTICS:,}"
        parts.append(Part("statistics", name, statistics - FREE_STATISTICS))
    parts += _created_tensors(network.eval.nodes)
    literals = _all_literals(network)
    if len(literals) > FREE_LITERALS:
        parts.append(Part("literals", "numbers written into the network's code", len(literals) - FREE_LITERALS))
    return parts


def read_tensors(network: spec.Network) -> set[int]:
    """The indices of the tensors that an operator reads, in training or in test mode."""
    arguments = ((*node.args, *node.kwargs.values()) for node in (*network.train.nodes, *network.eval.nodes))
    return {leaf.tensor for leaf in spec.leaves(tuple(arguments)) if isinstance(leaf, spec.TensorRef)}


def owner(tensor: spec.Tensor) -> str:
    """The layer that a parameter belongs to, or the parameter itself: `the layer 'conv1'`."""
    layer = tensor.name.rpartition(".")[0]
    return f"the layer {layer!r}" if layer else f"the parameter {tensor.name!r}"


def count_computed_numbers(network: spec.Network, parts: list[Part], use: TableUse) -> list[Part]:
    """Numbers in tables that meet the images, beyond all that are stored; some are free, together with the literals."""
    stored = sum(part.numbers for part in parts if part.kind not in ("doubles", "statistics", "literals"))
    free = max(0, FREE_LITERALS - len(_all_literals(network)))
    numbers = use.numbers - stored - free
    return [Part("computed", "numbers that the network computes without its images", numbers)] if numbers > 0 else []


def packed_integer_problems(network: spec.Network, use: TableUse | None = None) -> list[str]:
    """A sentence if the network holds an integer so large that it can encode several numbers."""
    constants = [tensor.init for tensor in network.tensors if isinstance(tensor.init, spec.Constant)]
    values: list[bool | int | float] = [v for constant in (*constants, *network.constants) for v in constant.values]
    values += [v for node in (*network.train.nodes, *network.eval.nodes) for v in _literals(node)]
    values += [v for node in network.init for v in _literals(node, init=True)]
    values += [] if use is None else [use.largest_integer]
    too_large = [v for v in values if isinstance(v, int) and abs(v) > MAX_INTEGER]
    return [
        f"Your network holds an integer as large as {value:,}, which may hold several numbers in one, and "
        f"{MAX_INTEGER:,} is allowed. Use a floating-point number."
        for value in sorted(too_large, key=abs)[-1:]
    ]


def _is_double(tensor: spec.Tensor) -> bool:
    return tensor.dtype.dtype == "float64"


def _describe_tensor(tensor: spec.Tensor) -> str:
    if tensor.kind == "parameter":
        return f"the tensor {tensor.name!r}"
    if tensor.name.rpartition(".")[2].startswith("lifted_tensor"):  # torch.export's name for one made in forward
        return "tensors that forward uses, which are not parameters"
    return f"the tensor {tensor.name!r}, which is not a parameter"


def _created_tensors(nodes: tuple[spec.Node, ...]) -> list[Part]:
    """Tensors of a fixed size that depend on no input, such as torch.arange(784)."""
    parts = []
    for node in nodes:
        if node.operator not in _FACTORIES or _has_references(node):
            continue
        tensor = Program((node,), 0, None).run(None, [], torch.device("meta"))[-1]
        assert isinstance(tensor, Tensor)  # every factory returns one
        line = f" in line {node.line}" if node.line else ""
        parts.append(Part("new tensor", f"the tensor that torch.{node.operator} makes{line}", tensor.numel()))
    return parts


def _has_references(node: spec.Node) -> bool:
    """Whether a size or value comes from elsewhere in the graph, such as the batch size."""
    arguments = spec.leaves((*node.args, *node.kwargs.values()))
    return any(isinstance(argument, spec.Reference) for argument in arguments)


def _all_literals(network: spec.Network) -> set[int | float]:
    return {number for node in (*network.train.nodes, *network.eval.nodes) for number in _literals(node)}


def _literals(node: spec.Node, *, init: bool = False) -> list[int | float]:
    """The numbers, floats and integers, that the node's call puts into the computation."""
    structural = structural_arguments(resolve(node.op, init=init))
    literals: list[int | float] = []
    for position, argument in (*enumerate(node.args), *node.kwargs.items()):
        if position not in structural:
            literals += [v for v in spec.leaves(argument) if isinstance(v, int | float) and not isinstance(v, bool)]
    return literals
