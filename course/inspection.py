"""What can be known about a spec without training it: every number it can store, the work of a step, and whether it
plays by the rules that hold for all assignments.

The count is not `sum(p.numel())`, which sees only what calls itself a parameter. It is: unique parameters (frozen
ones too), buffers other than batch norm's running statistics, constants, what operators make out of nothing, and
different numbers written into the code beyond `FREE_LITERALS`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from course import spec as plain
from course.errors import RecipeError
from course.network import TrainableNetwork, batch_norm_statistics
from course.operators import literal_positions, resolve
from course.work import MOST, Layer, Work, layers, work

FREE_LITERALS = 64  # rates of dropout, eps, momenta, slopes: a usual network writes down fewer than ten
BATCH_TOLERANCE = 1e-4  # outputs for an image alone and within a batch differ by rounding, about 1e-6
_FACTORIES = frozenset("zeros ones full arange linspace eye rand randn scalar_tensor".split())
_DROPOUTS = frozenset(
    "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout".split()
)
_RANDOM = frozenset("bernoulli bernoulli_ rand rand_like randn randn_like normal_ uniform_".split())


@dataclass(frozen=True)
class Part:
    """Some of the numbers counted: `numbers` of them, in what `name` says."""

    kind: str  # parameter, buffer, constant, new tensor, literals
    name: str
    numbers: int


@dataclass(frozen=True)
class Inspection:
    """What is known before training. `problems` are sentences, each a reason to refuse under any rules."""

    spec_hash: str
    parts: tuple[Part, ...]
    layers: tuple[Layer, ...]
    work: Work
    epochs: int
    batch_size: int
    problems: tuple[str, ...]
    leaks: tuple[str, ...]

    @property
    def counted(self) -> int:
        """The integer that the parameter rule judges."""
        return sum(part.numbers for part in self.parts)

    @property
    def receptive_field(self) -> int:
        return max((layer.receptive_field for layer in self.layers), default=1)

    def count_in_words(self) -> str:
        """`298 in layers + 8,114 in the tensor 'hidden', which is not a parameter`."""
        in_layers = sum(p.numbers for p in self.parts if p.kind == "parameter")
        others = [f"{p.numbers:,} in {p.name}" for p in self.parts if p.kind != "parameter" and p.numbers]
        return " + ".join([f"{in_layers:,} in layers", *others])


def inspect(spec: plain.Spec) -> Inspection:
    """Everything that needs no training; takes about a second. Raises RecipeError when the spec cannot even be built."""
    network = spec.network
    cost = work(spec)
    return Inspection(
        spec_hash=spec.hash,
        parts=tuple(count(network)),
        layers=layers(network),
        work=cost,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        problems=(*_too_much(cost), *_modes_differ(network), *_behaviour(spec)),
        leaks=_leaks(spec),
    )


def count(network: plain.Network) -> list[Part]:
    """Every number the network can store, part by part."""
    free = batch_norm_statistics(network)
    parts = []
    for index, tensor in enumerate(network.tensors):
        numbers = 1
        for size in tensor.shape:
            numbers *= size
        if index not in free:
            suffix = "" if tensor.kind == "parameter" else ", which is not a parameter"
            parts.append(Part(tensor.kind, f"the tensor {tensor.name!r}{suffix}", numbers))
    literals: set[float] = set()
    for nodes in (network.train.nodes, network.eval.nodes):
        for node in nodes:
            literals |= _literals(node)
    parts += _made_from_nothing(network.eval.nodes)
    if len(literals) > FREE_LITERALS:
        parts.append(Part("literals", "numbers written into the network's code", len(literals) - FREE_LITERALS))
    return parts


def _made_from_nothing(nodes: tuple[plain.Node, ...]) -> list[Part]:
    """Tensors of a fixed size that depend on no input, such as torch.arange(784)."""
    parts = []
    for node in nodes:
        word = node.op.split(".")[1]
        if word not in _FACTORIES:
            continue
        shape = node.args[0] if node.args else 1
        if word in ("arange", "linspace", "eye"):
            bounds = [a for a in node.args if isinstance(a, int | float)]
            side = bounds[0] if len(bounds) == 1 else (bounds[1] - bounds[0] if len(bounds) > 1 else 1)
            shape = (int(abs(side)), int(abs(side))) if word == "eye" else (int(abs(side)),)
        if word == "linspace":
            shape = tuple(a for a in node.args[2:3] if isinstance(a, int))
        sizes = shape if isinstance(shape, tuple) else ()
        if all(isinstance(s, int) for s in sizes):
            numbers = 1
            for size in sizes:
                numbers *= size
            where = f" in line {node.line}" if node.line else ""
            parts.append(Part("new tensor", f"the tensor that torch.{word} makes{where}", numbers))
    return parts


def _literals(node: plain.Node) -> set[float]:
    places = literal_positions(resolve(node.op))
    given = [(i, a) for i, a in enumerate(node.args)] + list(node.kwargs.items())
    found: set[float] = set()
    for place, argument in given:
        if place in places:
            values = argument if isinstance(argument, tuple) else (argument,)
            found |= {float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)}
    return found


def _too_much(cost: Work) -> list[str]:
    shown = (
        ("flops", cost.flops / 1e9, MOST.flops / 1e9, "GFLOP"),
        ("elements", cost.elements / 1e6, MOST.elements / 1e6, "million elements read and written"),
        ("memory", cost.memory / 2**30, MOST.memory / 2**30, "GiB of intermediate values"),
    )
    return [
        f"One training step takes {value:,.1f} {unit}, and {most:,.0f} are allowed: use fewer channels, pool earlier, or "
        "make the batch smaller."
        for name, value, most, unit in shown
        if getattr(cost, name) > getattr(MOST, name)
    ]


def _modes_differ(network: plain.Network) -> list[str]:
    """Train and eval mode must compute the same, but for dropout and batch norm's use of its statistics."""
    train, evaluate = _comparable(network.train.nodes), _comparable(network.eval.nodes)
    for ours, theirs in zip(train, evaluate, strict=False):
        if ours[:-1] != theirs[:-1]:
            where = f"Line {ours[-1] or theirs[-1]}: " if ours[-1] or theirs[-1] else ""
            return [
                f"{where}your network computes something else in test mode than in training ({theirs[0]} where training has "
                f"{ours[0]}). Only dropout and batch norm may differ between the two."
            ]
    if len(train) != len(evaluate):
        return [
            f"Your network takes {len(train)} operations in training and {len(evaluate)} in test mode. Only dropout and batch "
            "norm may differ between the two."
        ]
    return []


def _comparable(nodes: tuple[plain.Node, ...]) -> list[tuple]:
    """(operator, arguments, keywords, line) of each node, with dropout taken out and batch norm's flag cleared."""
    number: dict[int, object] = {}

    def renumber(argument):
        if isinstance(argument, plain.NodeRef):
            return number[argument.node]
        return tuple(renumber(a) for a in argument) if isinstance(argument, tuple) else argument

    found = []
    for index, node in enumerate(nodes):
        word = node.op.split(".")[1]
        args = [renumber(a) for a in node.args]
        if word in _DROPOUTS:
            number[index] = args[0]
            continue
        if word in ("batch_norm", "instance_norm"):
            args[5] = None
        if word in ("rrelu", "rrelu_"):
            args[3:] = []
        number[index] = ("node", len(found))
        found.append((word, tuple(args), tuple((k, renumber(v)) for k, v in node.kwargs.items()), node.line))
    return found


def _behaviour(spec: plain.Spec) -> list[str]:
    """Run the untrained network in test mode: it must look at one image at a time, draw nothing, and change nothing."""
    network = TrainableNetwork(spec.network, 0)
    images = torch.randn(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    before = network.state()
    with torch.no_grad():
        together = network(images, training=False)
        apart = torch.cat([network(pair, training=False) for pair in images.split(2)])
        again = network(images, training=False)
    problems = []
    if any(n.op.split(".")[1] in _RANDOM for n in spec.network.eval.nodes) or not torch.equal(together, again):
        problems.append("Your network draws random numbers in test mode. Use dropout, which rests then.")
    elif not torch.allclose(together, apart, rtol=BATCH_TOLERANCE, atol=BATCH_TOLERANCE, equal_nan=True):
        problems.append(
            f"In test mode your network's answer for an image depends on the other images of its batch (by "
            f"{(together - apart).abs().max().item():.2g}). Batch norm must use its running statistics there."
        )
    after = network.state()
    if changed := [n for n in before if not torch.equal(before[n], after[n])]:
        problems.append(f"Your network changes {changed[0]!r} in test mode. Only training may change it.")
    if spec.loss == "nll" and not torch.allclose(together.exp().sum(dim=1), torch.ones(64), atol=1e-3):
        problems.append(
            f"The network's outputs are not log-probabilities: their exponentials add up to "
            f"{together[0].exp().sum().item():.3g} and not to 1. End forward with F.log_softmax(x, dim=1), or use "
            'Recipe(loss="cross_entropy").'
        )
    return problems


def _leaks(spec: plain.Spec) -> tuple[str, ...]:
    if isinstance(spec.schedule, plain.Plateau) and spec.schedule.metric == "test_loss":
        return (
            "The schedule is stepped on the test loss, so the test set takes part in training: a leak. Watch "
            '"train_loss" or "validation_loss".',
        )
    return ()


def refuse_if_broken(inspection: Inspection) -> None:
    """Raise RecipeError with the first problem, if there is one."""
    if inspection.problems:
        raise RecipeError(inspection.problems[0])
