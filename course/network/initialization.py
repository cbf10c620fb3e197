"""The initial tensors of a network: its init program, replayed under a run's seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.kernels import portable_math
from course.network import operators
from course.network.program import Call, Program

MAX_INIT_ELEMENTS = 20_000_000  # in all tensors that the init program creates on the way
_NORMS = ("aten.batch_norm.default", "aten.instance_norm.default")
_INITIAL_STATISTICS = {"running_mean": 0.0, "running_var": 1.0}  # as torch.nn.BatchNorm2d starts them


def batch_norm_statistics(network: spec.Network) -> dict[int, float]:
    """The running means and variances of batch norm, by index of the tensor, with the value they start from.

    A tensor that is used anywhere else as well is an ordinary buffer, and not among them.
    """
    initial_values: dict[int, set[float | None]] = {}
    for node in (*network.train.nodes, *network.eval.nodes):
        if node.op in _NORMS:
            arguments = operators.bind(operators.resolve(node.op), node.args, node.kwargs)
        else:
            arguments = {"": (*node.args, *node.kwargs.values())}
        for name, argument in arguments.items():
            for leaf in spec.leaves(argument):
                if isinstance(leaf, spec.TensorRef):
                    initial_values.setdefault(leaf.tensor, set()).add(_INITIAL_STATISTICS.get(name))
    return {
        index: value
        for index, (value, *others) in initial_values.items()
        if value is not None and not others and index < len(network.tensors) and network.tensors[index].kind == "buffer"
    }


def initial_tensors(network: spec.Network, seed: int, *, portable: bool = False) -> list[Tensor]:
    """The network's tensors at the start of a run with `seed`, on the CPU. Raises SpecError.

    They are those of the model's constructor, bit for bit; with `portable` the same on every processor, see
    `unportable_draws`. PyTorch's global random state is left as it was. Batch norm's statistics start from 0 and 1
    whatever the spec says.
    """
    return next(initial_tensors_by_seed(network, [seed], portable=portable))


def initial_tensors_by_seed(
    network: spec.Network, seeds: Iterable[int], *, portable: bool = False
) -> Iterator[list[Tensor]]:
    """`initial_tensors` for one seed after the other, faster than one by one. Raises SpecError."""
    optimize = _with_portable_draws if portable else None
    program = Program(network.init, len(network.constants), None, init=True, optimize=optimize)
    constants = [_constant(constant) for constant in network.constants]
    _check_size(program, constants)
    statistics = batch_norm_statistics(network)
    for seed in seeds:
        constants = [_constant(constant) for constant in network.constants]  # the program may write into them
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.default_generator.manual_seed(seed)  # torch.manual_seed notes a traceback for CUDA
            values = program.run(None, constants, torch.device("cpu"))
        yield _declared_tensors(network, statistics, values[program.first_node :])


def unportable_draws(network: spec.Network) -> list[str]:
    """Operators that make the initial tensors and may round in another way on another processor."""
    return [node.operator for node in network.init if node.op not in _PORTABLE]


def _with_portable_draws(calls: list[Call], output: int | None) -> list[Call]:
    """The calls with draws that are the same on every processor; `output` is the index of the graph's output."""
    return [replace(call, op=_PORTABLE_DRAWS.get(call.name, call.op)) for call in calls]


_PORTABLE_DRAWS: dict[str, operators.Operator] = {
    "aten.uniform_.default": portable_math.uniform_,
    "aten.normal_.default": portable_math.normal_,
}
_PORTABLE = _PORTABLE_DRAWS.keys() | {
    f"aten.{name}"
    for name in (
        "detach.default empty.memory_format empty_like.default zeros.default zeros_like.default ones.default "
        "ones_like.default full.default full_like.default eye.default zero_.default fill_.Scalar fill_.Tensor "
        "clone.default alias.default copy_.default view.default reshape.default transpose.int t.default "
        "select.int slice.Tensor permute.default unsqueeze.default squeeze.dim expand.default expand_as.default "
        "mul.Tensor mul_.Tensor mul.Scalar mul_.Scalar div.Tensor div_.Tensor neg.default neg_.default abs.default "
        "sign.default sqrt.default sqrt_.default clamp.default clamp_.default clamp_min.default lift_fresh.default"
    ).split()
}


def _declared_tensors(network: spec.Network, statistics: Mapping[int, float], nodes: list[object]) -> list[Tensor]:
    """The network's tensors, given the values of the init program's nodes. Raises SpecError."""
    tensors = []
    for index, tensor in enumerate(network.tensors):
        value: object
        if isinstance(tensor.init, spec.Constant):
            value = _constant(tensor.init)
        elif tensor.init.node < len(network.init):
            value = nodes[tensor.init.node]
        else:
            raise SpecError(f"Tensor {tensor.name!r} starts from node {tensor.init.node}, which does not exist.")
        dtype = getattr(torch, tensor.dtype.dtype)
        if not isinstance(value, Tensor) or tuple(value.shape) != tensor.shape or value.dtype != dtype:
            raise SpecError(f"Tensor {tensor.name!r} does not start with the shape and type that it declares.")
        if index in statistics:
            value = torch.full_like(value, statistics[index])
        value = value.detach().clone(memory_format=torch.contiguous_format)
        tensors.append(value.requires_grad_(tensor.requires_grad))
    return tensors


def _check_size(program: Program, constants: list[Tensor]) -> None:
    """Run the init program on the meta device, which has no memory, and count elements. Raises SpecError."""
    values = program.run(None, [constant.to("meta") for constant in constants], torch.device("meta"))
    elements = sum(value.numel() for value in values if isinstance(value, Tensor))
    if elements > MAX_INIT_ELEMENTS:
        raise SpecError(
            f"Making the initial weights takes {elements:,} numbers, and {MAX_INIT_ELEMENTS:,} are allowed. "
            "Build a smaller network, or fill its weights more directly."
        )


def _constant(constant: spec.Constant) -> Tensor:
    if math.prod(constant.shape) != len(constant.values):
        raise SpecError(f"A constant of shape {constant.shape} comes with {len(constant.values)} values.")
    return torch.tensor(constant.values, dtype=getattr(torch, constant.dtype.dtype)).reshape(constant.shape)
