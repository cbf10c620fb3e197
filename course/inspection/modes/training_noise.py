"""Noise that takes part in training only: stochastic depth, DropBlock, Gaussian noise.

    x + 0.1 * torch.randn_like(x)      random numbers that nothing else goes into are added to the signal,
    x.div(keep) * mask                 or multiply it, element by element.

In test mode such noise is left out, as dropout is: without it, x stays x. It must not become a switch between two
networks, so it is also run: numbers that are added are small and vary, those that multiply vary around 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course import spec
from course.network import Program, initial_tensors
from course.network.operators import SIZE_OPERATORS

RANDOM_OPERATORS = frozenset("bernoulli bernoulli_ rand rand_like randn randn_like normal_ uniform_".split())
MAX_DEVIATION_ADDED = 1.0  # standard deviation; inputs and batch norm's outputs have about 1
MAX_DEVIATION_FACTOR = 3.0  # that of dropout with p=0.9, the largest that is allowed
MIN_FACTOR, MAX_FACTOR = 0.5, 2.0  # mean of the factors at each place
MAX_BIAS = 2.0  # how far a mean may be from that of no noise, in standard deviations
SLACK = 1.25  # for what is estimated from samples
_IMAGES, _DRAWS = 128, 8
_SMALL, _FEW_NODES, _MANY_DRAWS = 50_000, 60, 256  # little noise is drawn often: it may be one number for all images
_ERRORS = 4.0  # standard errors
_SUMS = frozenset("add add_ sub sub_ subtract".split())
_PRODUCTS = frozenset("mul mul_ multiply".split())
_QUOTIENTS = frozenset("div div_ divide true_divide".split())
# they take nothing but the shape from a tensor
_SHAPE_ONLY = frozenset(
    "rand_like randn_like zeros_like ones_like full_like empty_like new_empty new_zeros new_ones new_full sym_size "
    "sym_numel".split()
)
_FACTORIES = frozenset("zeros ones full empty arange linspace eye scalar_tensor".split())


@dataclass(frozen=True)
class _Application:
    """A node that adds noise to the signal, or multiplies it by noise."""

    node: int
    signal: spec.Reference
    noise: spec.NodeRef
    is_factor: bool


@dataclass
class TrainingNoise:
    """What a comparison with test mode leaves out: `unread` nodes, and nodes that are `identity` without noise.

    `identity` maps a node to what its readers see instead. `problems` are sentences about noise that is not allowed.
    """

    identity: dict[int, spec.Reference] = field(default_factory=dict)
    unread: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def training_noise(network: spec.Network) -> TrainingNoise:
    """The noise of the network's training mode; empty when there is none, or when it is more than noise."""
    nodes = network.train.nodes
    if not any(node.operator in RANDOM_OPERATORS for node in nodes):
        return TrainingNoise()
    found = _Classification(nodes)
    if not found.is_noise_only or not found.applications:
        return TrainingNoise()
    shapes = _shapes(network)
    if any(shapes[spec.NodeRef(node=a.node)] != shapes[a.signal] for a in found.applications):
        return TrainingNoise()
    result, readers = TrainingNoise(), _readers(nodes)
    chains = _chains(found, readers)
    for chain, samples in zip(chains, _NoiseProgram(nodes, found, chains).samples(shapes), strict=True):
        if chain[0].is_factor:
            samples = _with_scaling(nodes, chain, samples, readers, result.identity)
        result.identity |= {application.node: application.signal for application in chain}
        result.problems += _bounds(samples, chain[-1].is_factor, nodes[chain[-1].node].line)
    result.unread = _read_by_noise_alone(found, readers)
    return result if _is_complete(nodes, result) else TrainingNoise()


class _Classification:
    """Which nodes hold sizes, plain values (without signal and chance), and noise; all others hold signal."""

    def __init__(self, nodes: Sequence[spec.Node]):
        self.kinds: dict[int, str] = {}  # node -> "size", "plain" or "noise"; the others hold signal
        self.applications: list[_Application] = []
        self.is_noise_only = True  # noise goes nowhere but into the applications
        self._owner = list(range(len(nodes)))  # the node whose memory an in-place operator wrote into
        for index, node in enumerate(nodes):
            self._classify(index, node)

    def kind(self, argument: object) -> str:
        if isinstance(argument, spec.NodeRef):
            return self.kinds.get(self._owner[argument.node], "signal")
        return "signal" if isinstance(argument, spec.Input | spec.TensorRef) else "literal"

    def _classify(self, index: int, node: spec.Node) -> None:
        arguments = list(spec.leaves((*node.args, *node.kwargs.values())))
        kinds = {self.kind(argument) for argument in arguments}
        name = node.operator
        if node.op in SIZE_OPERATORS or name in ("sym_size", "sym_numel"):
            if node.op not in SIZE_OPERATORS or kinds <= {"size", "literal"}:
                self.kinds[index] = "size"
            return
        if name in _SHAPE_ONLY and node.args:
            kinds = {self.kind(argument) for argument in arguments[1:]}
        first = node.args[0] if node.args else None
        if name.endswith("_") and isinstance(first, spec.NodeRef):
            self._owner[index] = self._owner[first.node]
        if "signal" not in kinds:
            is_plain = name in _FACTORIES or name in _SHAPE_ONLY or "plain" in kinds
            if "noise" in kinds or name in RANDOM_OPERATORS:
                self.kinds[self._owner[index]] = "noise"
            elif is_plain:
                self.kinds[self._owner[index]] = "plain"
        elif self.kind(first) in ("plain", "noise") and name.endswith("_"):
            self.is_noise_only = False  # signal is written into the memory of noise
        elif "noise" in kinds:
            application = _application(index, node, self.kind)
            if application is None:
                self.is_noise_only = False
            else:
                self.applications.append(application)


def _application(index: int, node: spec.Node, kind: Callable[[object], str]) -> _Application | None:
    """The node as an application of noise, if it is one."""
    name = node.operator
    if name not in _SUMS | _PRODUCTS or len(node.args) != 2:
        return None
    first, second = node.args
    if name in _SUMS and any(not isinstance(v, int | float) for v in node.kwargs.values()):
        return None
    swapped = kind(first) == "noise" and name not in ("sub", "sub_", "subtract")
    signal, noise = (second, first) if swapped else (first, second)
    if kind(signal) != "signal" or kind(noise) != "noise" or not isinstance(noise, spec.NodeRef):
        return None
    if isinstance(signal, spec.TensorRef) or not isinstance(signal, spec.Input | spec.NodeRef):
        return None
    if name.endswith("_") and not isinstance(signal, spec.NodeRef):
        return None
    return _Application(index, signal, noise, name in _PRODUCTS)


def _readers(nodes: Sequence[spec.Node]) -> dict[int, set[int]]:
    readers: dict[int, set[int]] = {index: set() for index in range(len(nodes))}
    for index, node in enumerate(nodes):
        for argument in spec.leaves((*node.args, *node.kwargs.values())):
            if isinstance(argument, spec.NodeRef):
                readers[argument.node].add(index)
    return readers


def _shapes(network: spec.Network) -> dict[spec.Reference, tuple[int, ...] | None]:
    """The shape of every value in training for a batch of images."""
    tensors = [tensor.to("meta") for tensor in initial_tensors(network, 0)]
    with torch.no_grad():
        values = Program(network.train.nodes, len(tensors), None).run(
            torch.zeros(_IMAGES, 1, 28, 28, device="meta"), tensors, torch.device("meta")
        )
    references: list[spec.Reference] = [spec.Input(), *(spec.TensorRef(tensor=i) for i in range(len(tensors)))]
    references += [spec.NodeRef(node=i) for i in range(len(network.train.nodes))]
    return {
        reference: tuple(value.shape) if isinstance(value, Tensor) else None
        for reference, value in zip(references, values, strict=True)
    }


def _chains(found: _Classification, readers: Mapping[int, set[int]]) -> list[list[_Application]]:
    """Applications whose noise counts as one: factors that follow each other, as DropBlock's mask and its scale."""
    chains: dict[int, list[_Application]] = {}  # by the node of the last
    for application in found.applications:
        before = application.signal.node if isinstance(application.signal, spec.NodeRef) else -1
        chain = [application]
        follows = before in chains and readers[before] == {application.node}
        if follows and application.is_factor and chains[before][0].is_factor:
            chain = [*chains.pop(before), application]
        chains[application.node] = chain
    return list(chains.values())


class _NoiseProgram:
    """The part of a training graph that computes its noise, without the signal, which it takes only shapes from."""

    def __init__(self, nodes: Sequence[spec.Node], found: _Classification, chains: list[list[_Application]]):
        self.nodes: list[spec.Node] = []
        self.stand_ins: dict[spec.Reference, int] = {}  # tensors that give their shape
        self.outputs: list[int] = []  # for each chain the node that holds its noise
        self._numbers: dict[int, int] = {}
        place = {application.node: number for number, chain in enumerate(chains) for application in chain}
        applications = {application.node: application for application in found.applications}
        outputs: dict[int, int] = {}
        for index, node in enumerate(nodes):
            if index in applications:
                # computed here, because the noise may be changed in place later
                earlier = outputs.get(place[index])
                factor = _scale(node) if earlier is None else spec.NodeRef(node=earlier)
                outputs[place[index]] = len(self.nodes)
                product = spec.Node(op="aten.mul.Tensor", args=(self._renumbered(applications[index].noise), factor))
                self.nodes.append(product)
            elif found.kind(spec.NodeRef(node=index)) != "signal":
                self._numbers[index] = len(self.nodes)
                kwargs = {name: self._renumbered(argument) for name, argument in node.kwargs.items()}
                args = tuple(map(self._renumbered, node.args))
                self.nodes.append(node.model_copy(update={"args": args, "kwargs": kwargs}))
        self.outputs = [outputs[number] for number in range(len(chains))]

    def _renumbered(self, argument: spec.Argument) -> spec.Argument:
        if isinstance(argument, tuple):
            return tuple(map(self._renumbered, argument))
        if isinstance(argument, spec.NodeRef) and argument.node in self._numbers:
            return spec.NodeRef(node=self._numbers[argument.node])
        if isinstance(argument, spec.Reference):
            return spec.TensorRef(tensor=self.stand_ins.setdefault(argument, len(self.stand_ins)))
        return argument

    @torch.no_grad()
    def samples(self, shapes: Mapping[spec.Reference, tuple[int, ...] | None]) -> list[Tensor]:
        """The noise of each chain, drawn many times: (samples, places)."""
        tensors = [torch.zeros(()).expand(shapes[reference] or ()) for reference in self.stand_ins]
        program = Program(self.nodes, len(tensors), None)
        drawn: list[list[Tensor]] = [[] for _ in self.outputs]
        count = _DRAWS
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            while len(drawn[0]) < count:
                values = program.run(None, tensors, torch.device("cpu"))
                for samples, output in zip(drawn, self.outputs, strict=True):
                    value = values[program.first_node + output].double()
                    has_images = value.dim() > 0 and len(value) == _IMAGES
                    samples.append(value.reshape(_IMAGES if has_images else 1, -1))
                elements = sum(value.numel() for value in values if isinstance(value, Tensor))
                if elements < _SMALL and len(self.nodes) <= _FEW_NODES:
                    count = _MANY_DRAWS
        return [torch.cat(samples) for samples in drawn]


def _scale(node: spec.Node) -> float:
    """What a sum or a product multiplies its noise by: the sign of a difference, and alpha."""
    alpha = node.kwargs.get("alpha", 1)
    assert isinstance(alpha, int | float)  # checked when the application was found
    return -float(alpha) if node.operator.startswith("sub") else float(alpha)


def _with_scaling(
    nodes: Sequence[spec.Node],
    chain: list[_Application],
    samples: Tensor,
    readers: Mapping[int, set[int]],
    identity: dict[int, spec.Reference],
) -> Tensor:
    """The factors with the number that the signal is divided by directly before or after, if that brings them to 1."""
    first, last = chain[0], chain[-1]
    before = first.signal.node if isinstance(first.signal, spec.NodeRef) else None
    if before is not None and readers[before] != {first.node}:
        before = None
    (after,) = readers[last.node] if len(readers[last.node]) == 1 else (None,)
    for index in (before, after):
        if index is None:
            continue
        node, mean = nodes[index], samples.mean().item()
        factor = _literal_factor(node)
        signal = node.args[0] if node.args else None
        if factor is None or not isinstance(signal, spec.Input | spec.NodeRef) or mean <= 0 or factor <= 0:
            continue
        if abs(math.log(mean * factor)) < abs(math.log(mean)) - 1e-3:
            identity[index] = signal
            return samples * factor
    return samples


def _literal_factor(node: spec.Node) -> float | None:
    """What the node multiplies its first argument by, if that is a number."""
    if len(node.args) != 2 or node.kwargs:
        return None
    number = node.args[1]
    if not isinstance(number, int | float) or isinstance(number, bool) or number == 0:
        return None
    if node.operator in _PRODUCTS:
        return float(number)
    return 1 / number if node.operator in _QUOTIENTS else None


def _bounds(samples: Tensor, is_factor: bool, line: int | None) -> list[str]:
    """A sentence if the noise, (samples, places), is more than noise."""
    place = f"Line {line}: " if line else ""
    mean, deviation = samples.mean(0), samples.std(0, correction=0)
    error = _ERRORS * deviation / len(samples) ** 0.5
    expected = 1.0 if is_factor else 0.0
    bias = (mean - expected).abs() - error
    largest = deviation.max().item()
    if not bool(torch.isfinite(samples).all()) or bool((bias > MAX_BIAS * deviation + 1e-6).any()):
        what = "multiplies by numbers that vary" if is_factor else "adds numbers that vary"
        return [
            f"{place}In training your network {what} too little around {expected:g}, and in test mode it does not. "
            "Divide a mask by the probability of keeping, as dropout does; add noise of mean 0."
        ]
    if is_factor and bool(((mean + error < MIN_FACTOR) | (mean - error > MAX_FACTOR)).any()):
        return [
            f"{place}In training your network multiplies by random numbers whose mean is {mean.mean().item():.3g}, and "
            f"{MIN_FACTOR:g} to {MAX_FACTOR:g} are allowed. Divide by the probability of keeping, as dropout does."
        ]
    limit = MAX_DEVIATION_FACTOR if is_factor else MAX_DEVIATION_ADDED
    if largest > SLACK * limit:
        return [
            f"{place}In training your network has noise with a standard deviation of {largest:.3g}, and {limit:g} is "
            f"allowed{' (dropping 90 %)' if is_factor else ''}: hardly anything of the signal is left. Use less noise."
        ]
    return []


def _read_by_noise_alone(found: _Classification, readers: Mapping[int, set[int]]) -> set[int]:
    """Nodes without signal that nothing reads but noise: test mode does not have them."""
    applications = {application.node for application in found.applications}
    hidden = {index for index in readers if found.kind(spec.NodeRef(node=index)) == "noise"}
    unread: set[int] = set()
    for index in sorted(readers, reverse=True):
        is_support = found.kind(spec.NodeRef(node=index)) in ("size", "plain") and readers[index]
        if index in hidden or (is_support and readers[index] <= unread):
            unread.add(index)
    return unread - applications


def _is_complete(nodes: Sequence[spec.Node], noise: TrainingNoise) -> bool:
    """Whether no node that is compared reads one that is left out."""
    return not any(
        isinstance(argument, spec.NodeRef) and argument.node in noise.unread
        for index, node in enumerate(nodes)
        if index not in noise.unread and index not in noise.identity
        for argument in spec.leaves((*node.args, *node.kwargs.values()))
    )
