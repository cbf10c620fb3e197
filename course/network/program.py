"""Spec -> a network that trains: the course's own code walking the spec's nodes, operator by operator.

No code is generated and nothing of the student's is called. `TrainableNetwork(images, training=True)` gives the
same numbers, bit for bit, as the model that was captured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.network import operators

MAX_INIT_ELEMENTS = 20_000_000  # elements made while the initial weights are computed
_SUBSTITUTES = {
    "aten.view.default": "aten.reshape.default",  # the memory layout is ours to choose
    "aten.empty.memory_format": "aten.zeros.default",  # nothing shows what memory held before
    "aten.empty_like.default": "aten.zeros_like.default",
    "aten.new_empty.default": "aten.new_zeros.default",
}


@dataclass(frozen=True)
class Step:
    """One operator call, ready to run: it makes value `makes`, and `free` lists the values nobody reads after it."""

    makes: int
    name: str
    op: Callable
    args: tuple
    kwargs: dict[str, Any]
    takes_device: bool
    free: tuple[int, ...] = ()


class Program:
    """The nodes of one graph in order. Values are numbered: the input, then the tensors, then the nodes.

    A value is let go after its last reader, unless `output` is None: then all are kept.
    Raises SpecError when a node calls what is not allowed or reads what does not exist yet.
    """

    def __init__(
        self,
        nodes: tuple[spec.Node, ...],
        tensors: int,
        output: int | None,
        *,
        init: bool = False,
        fast: bool = False,
    ):
        """`fast` computes with `kernels`, several nodes in one step where it can: equal but for rounding."""
        self.first_node = 1 + tensors
        self.output = None if output is None else self.first_node + output
        if self.output is not None and output >= len(nodes):
            raise SpecError(f"The graph's output is node {output}, and there are {len(nodes)}.")
        calls = [self._call(index, node, init) for index, node in enumerate(nodes)]
        if fast:
            calls = fused(calls, self.output)
        last_use: dict[int, int] = {}
        for place, call in enumerate(calls):
            for read in (*reads_of((*call.args, *call.kwargs.values())), call.makes):
                last_use[read] = place
        free: list[list[int]] = [[] for _ in calls]
        if self.output is not None:
            for value, place in last_use.items():
                if value >= self.first_node and value != self.output:
                    free[place].append(value)
        self.steps = [replace(call, free=tuple(f)) for call, f in zip(calls, free, strict=True)]

    def _call(self, index: int, node: spec.Node, init: bool) -> Step:
        op = operators.resolve(node.op, init=init)
        if node.op in _SUBSTITUTES:
            op = operators.resolve(_SUBSTITUTES[node.op], init=init)
        operators.check_call(op, len(node.args), tuple(node.kwargs))
        if node.op == "size.getitem":
            _check_getitem(node.args)
        args = tuple(self._prepare(a, index) for a in node.args)
        kwargs = {k: self._prepare(a, index) for k, a in node.kwargs.items()}
        return Step(self.first_node + index, node.op, op, args, kwargs, operators.takes_device(op))

    def _prepare(self, argument, index: int):
        match argument:
            case spec.Input():
                return _Value(0)
            case spec.TensorRef(tensor=i):
                if 1 + i >= self.first_node:
                    raise SpecError(f"Node {index} reads tensor {i}, and there are {self.first_node - 1}.")
                return _Value(1 + i)
            case spec.NodeRef(node=i):
                if i >= index:
                    raise SpecError(f"Node {index} reads node {i}, which does not come before it.")
                return _Value(self.first_node + i)
            case spec.Dtype(dtype=name):
                return getattr(torch, name)
            case tuple():
                return [self._prepare(a, index) for a in argument]
        return argument

    def run(
        self,
        images: Tensor | None,
        tensors: list[Tensor],
        device: torch.device | None = None,
        watch: Callable[[Any], None] | None = None,
    ) -> list:
        """All values; those that nobody reads any more are None. `watch` is given each as soon as it is made."""
        values: list = [images, *tensors, *[None] * (self.steps[-1].makes + 1 - self.first_node if self.steps else 0)]
        for step in self.steps:
            kwargs = {k: _load(a, values) for k, a in step.kwargs.items()}
            if step.takes_device and device is not None:
                kwargs["device"] = device
            try:
                made = values[step.makes] = step.op(*[_load(a, values) for a in step.args], **kwargs)
            except (RuntimeError, TypeError, LookupError, ValueError, ArithmeticError) as error:
                first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                place = step.makes - self.first_node
                raise SpecError(f"Operation {place} ({step.name}) failed: {first[:300]}") from error
            if watch is not None:
                watch(made)
            for value in step.free:
                values[value] = None
        return values


def _check_getitem(arguments: tuple) -> None:
    """One of the results of an operator, always the same one. Of a list in the spec, with an index that is computed, it
    could be a number while the network is inspected and anything else later. Raises SpecError."""
    match arguments:
        case (spec.NodeRef(), index) if type(index) is int:
            return
    raise SpecError("size.getitem takes one of an operator's results by its number, and nothing else.")


@dataclass(frozen=True)
class _Value:
    index: int


def fused(calls: list[Step], output: int | None) -> list[Step]:
    """The calls, with `kernels`: batch norm takes in a ReLU that follows it, and a dropout that follows that.

    Only neighbours are taken together, and only where nothing else reads what stands between them.
    """
    from course.network import kernels

    alone = {
        "aten.conv2d.default": kernels.conv2d,
        "aten.max_pool2d.default": kernels.max_pool2d,
        "aten.dropout.default": kernels.dropout,
    }
    readers = Counter(read for call in calls for read in reads_of((*call.args, *call.kwargs.values())))
    readers[output] += 1
    made: list[Step] = []

    def take_in(call: Step, option: bool | float) -> None:
        before = made[-1]
        name = f"{before.name} + {call.name}"
        made[-1] = replace(before, makes=call.makes, name=name, args=(*before.args, option))

    for call in calls:
        before = made[-1] if made else None
        takes_in = (
            before is not None
            and before.op is kernels.batch_norm
            and not call.kwargs
            and call.args[:1] == (_Value(before.makes),)
            and readers[before.makes] == 1
        )
        match call.name, call.args[1:]:
            case "aten.batch_norm.default", _ if len(call.args) == 9 and not call.kwargs:
                made.append(replace(call, op=kernels.batch_norm))
            case (("aten.relu.default" | "aten.relu_.default"), ()) if takes_in and len(before.args) == 9:
                take_in(call, True)
            case "aten.dropout.default", (float(p), True) if takes_in and len(before.args) == 10 and 0 < p < 1:
                take_in(call, p)
            case (name, _) if name in alone and not call.kwargs:
                made.append(replace(call, op=alone[name]))
            case _:
                made.append(call)
    return made


def reads_of(arguments) -> Iterator[int]:
    """The numbers of the values that a step's arguments refer to, nested lists included."""
    for argument in arguments:
        if isinstance(argument, _Value):
            yield argument.index
        elif isinstance(argument, list):
            yield from reads_of(argument)


def _load(argument, values: list):
    if isinstance(argument, _Value):
        return values[argument.index]
    if isinstance(argument, list):
        return [_load(a, values) for a in argument]
    return argument


def batch_norm_statistics(network: spec.Network) -> dict[int, float]:
    """Tensors that are nothing but a batch norm's running mean (they start at 0.0) or variance (at 1.0).

    A tensor that is used in any other place as well is an ordinary buffer, and is counted.
    """
    roles: dict[int, set[float | None]] = {}
    for node in (*network.train.nodes, *network.eval.nodes):
        is_norm = node.op in ("aten.batch_norm.default", "aten.instance_norm.default")
        for place, argument in enumerate((*node.args, *node.kwargs.values())):
            for tensor in _tensors_in(argument):
                role = {3: 0.0, 4: 1.0}.get(place) if is_norm and not node.kwargs else None
                roles.setdefault(tensor, set()).add(role)
    return {
        index: role
        for index, found in roles.items()
        if len(found) == 1
        and (role := next(iter(found))) is not None
        and index < len(network.tensors)
        and network.tensors[index].kind == "buffer"
    }


def _tensors_in(argument) -> Iterator[int]:
    if isinstance(argument, spec.TensorRef):
        yield argument.tensor
    elif isinstance(argument, tuple):
        for child in argument:
            yield from _tensors_in(child)


def initial_tensors(network: spec.Network, seed: int) -> list[Tensor]:
    """The network's tensors as they start, on the CPU: the init program replayed under `seed`.

    PyTorch's global random state is left as it was. Raises SpecError.
    """
    program = Program(network.init, len(network.constants), None, init=True)
    constants = [_constant(c) for c in network.constants]
    _bound_init(program, constants)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        values = program.run(None, constants, torch.device("cpu"))
    statistics = batch_norm_statistics(network)
    made = []
    for index, tensor in enumerate(network.tensors):
        if isinstance(tensor.init, spec.Constant):
            value = _constant(tensor.init)
        elif tensor.init.node < len(network.init):
            value = values[program.first_node + tensor.init.node]
        else:
            raise SpecError(f"Tensor {tensor.name!r} starts from node {tensor.init.node}, which does not exist.")
        dtype = getattr(torch, tensor.dtype.dtype)
        if not isinstance(value, Tensor) or tuple(value.shape) != tensor.shape or value.dtype != dtype:
            raise SpecError(f"Tensor {tensor.name!r} does not start with the shape and type that it declares.")
        if index in statistics:
            value = torch.full_like(value, statistics[index])
        value = value.detach().clone(memory_format=torch.contiguous_format)
        made.append(value.requires_grad_(tensor.requires_grad))
    return made


def _bound_init(program: Program, constants: list[Tensor]) -> None:
    """Run the init program without memory first."""
    values = program.run(None, [c.to("meta") for c in constants], torch.device("meta"))
    elements = sum(v.numel() for v in values if isinstance(v, Tensor))
    if elements > MAX_INIT_ELEMENTS:
        raise SpecError(
            f"Making the initial weights takes {elements:,} numbers, and {MAX_INIT_ELEMENTS:,} are allowed. "
            "Build a smaller network, or fill its weights more directly."
        )


def _constant(constant: spec.Constant) -> Tensor:
    count = 1
    for size in constant.shape:
        count *= size
    if count != len(constant.values):
        raise SpecError(f"A constant of shape {constant.shape} comes with {len(constant.values)} values.")
    return torch.tensor(constant.values, dtype=getattr(torch, constant.dtype.dtype)).reshape(constant.shape)


class TrainableNetwork:
    """A spec's network with weights of its own on one device.

    Called with images (N, 1, 28, 28) it gives (N, 10). `parameters` maps names to the tensors that require gradients.
    """

    def __init__(self, network: spec.Network, seed: int, device: torch.device | str = "cpu", *, fast: bool = False):
        """`fast` computes with `course.network.kernels`: for CPUs, equal but for rounding and masks."""
        self.device = torch.device(device)
        count = len(network.tensors)
        self._train = Program(network.train.nodes, count, network.train.output.node, fast=fast)
        self._eval = Program(network.eval.nodes, count, network.eval.output.node, fast=fast)
        self.names = [t.name for t in network.tensors]
        if len(set(self.names)) != count:
            raise SpecError("Two tensors of the network have the same name.")
        self.tensors = [self._place(t) for t in initial_tensors(network, seed)]

    def _place(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self.device).requires_grad_(tensor.requires_grad)

    @property
    def parameters(self) -> dict[str, Tensor]:
        return {n: t for n, t in zip(self.names, self.tensors, strict=True) if t.requires_grad}

    def __call__(self, images: Tensor, *, training: bool) -> Tensor:
        program = self._train if training else self._eval
        images = images.clone()  # a forward may write into what it is given
        output = program.run(images, self.tensors, self.device)[program.output]
        if not isinstance(output, Tensor) or output.shape != (len(images), 10):
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise SpecError(
                f"The network's output for {len(images)} images is {shape}, and ({len(images)}, 10) is needed."
            )
        return output

    def state(self) -> dict[str, Tensor]:
        """Copies of all tensors by name."""
        return {n: t.detach().clone() for n, t in zip(self.names, self.tensors, strict=True)}

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        for name, tensor in zip(self.names, self.tensors, strict=True):
            tensor.copy_(state[name])
