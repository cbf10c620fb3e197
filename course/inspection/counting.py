"""What can be known about a spec without training it: every number it can store, the work of a step, and whether it
plays by the rules that hold for all assignments.

The count is not `sum(p.numel())`, which sees only what calls itself a parameter. It is: unique parameters (frozen
ones too), buffers other than batch norm's running statistics, constants, what operators make out of nothing, and
different numbers written into the code or computed from nothing beyond `FREE_LITERALS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from course import spec as plain
from course.errors import RecipeError
from course.inspection.cost import MOST, Layer, Work, layers, work
from course.inspection.derived_numbers import computed, ready_made
from course.network import Program, TrainableNetwork, batch_norm_statistics
from course.network.operators import literal_positions, resolve

FREE_LITERALS = 64  # rates of dropout, eps, momenta, slopes: a usual network writes down fewer than ten
FREE_STATISTICS = 2048  # running means and variances: a usual network has fewer than 300
MOST_READY_MADE = plain.MAX_VALUES  # initial weights with values of their own
LARGEST_INTEGER = 2**24  # written into the code; a larger one could hold several numbers
USUAL_BATCH = 128  # images
BATCH_TOLERANCE = 1e-4  # outputs for an image alone and within a batch differ by rounding, about 1e-6
_FACTORIES = frozenset("zeros ones full arange linspace eye rand randn scalar_tensor".split())
_DROPOUTS = frozenset(
    "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout".split()
)
_RANDOM = frozenset("bernoulli bernoulli_ rand rand_like randn randn_like normal_ uniform_".split())


@dataclass(frozen=True)
class Part:
    """Some of the numbers counted: `numbers` of them, in what `name` says."""

    kind: str  # parameter, buffer, constant, statistics, new tensor, literals, computed
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
        others: dict[str, int] = {}
        for part in self.parts:
            if part.kind != "parameter" and part.numbers:
                others[part.name] = others.get(part.name, 0) + part.numbers
        return " + ".join([f"{in_layers:,} in layers", *(f"{n:,} in {name}" for name, n in others.items())])


def inspect(spec: plain.Spec) -> Inspection:
    """Everything that needs no training; takes about a second. Raises RecipeError when the spec cannot be built."""
    network = spec.network
    cost = work(spec)
    # what is too much, or differs from the training that was measured, is not run at all
    problems = [*too_much(cost, spec.batch_size), *_modes_differ(network)]
    parts = count(network)
    if not problems:
        parts += _computed(network, parts)
        problems = [*_behaviour(spec), *_packed(network), *_pretrained(network)]
    return Inspection(
        spec_hash=spec.hash,
        parts=tuple(parts),
        layers=layers(network),
        work=cost,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        problems=tuple(problems),
        leaks=_leaks(spec),
    )


def count(network: plain.Network) -> list[Part]:
    """Every number the network can store, part by part."""
    free = batch_norm_statistics(network)
    statistics = sum(math.prod(network.tensors[index].shape) for index in free)
    parts = []
    for index, tensor in enumerate(network.tensors):
        if index not in free:
            parts.append(Part(tensor.kind, _in_words(tensor), math.prod(tensor.shape)))
    if statistics > FREE_STATISTICS:
        name = f"running statistics of batch norm beyond {FREE_STATISTICS:,}"
        parts.append(Part("statistics", name, statistics - FREE_STATISTICS))
    literals: set[float] = set()
    for nodes in (network.train.nodes, network.eval.nodes):
        for node in nodes:
            literals |= set(map(float, _numbers(node)))
    parts += _made_from_nothing(network.eval.nodes)
    if len(literals) > FREE_LITERALS:
        parts.append(Part("literals", "numbers written into the network's code", len(literals) - FREE_LITERALS))
    return parts


def _in_words(tensor: plain.Tensor) -> str:
    if tensor.kind == "parameter":
        return f"the tensor {tensor.name!r}"
    made_in_forward = tensor.name.rpartition(".")[2].startswith("lifted_tensor")  # export's name for it
    if made_in_forward:
        return "tensors that forward uses, which are not parameters"
    return f"the tensor {tensor.name!r}, which is not a parameter"


def _made_from_nothing(nodes: tuple[plain.Node, ...]) -> list[Part]:
    """Tensors of a fixed size that depend on no input, such as torch.arange(784)."""
    parts = []
    for node in nodes:
        word = node.op.split(".")[1]
        if word not in _FACTORIES or _depends((*node.args, *node.kwargs.values())):
            continue
        made = Program((node,), 0, None).run(None, [], torch.device("meta"))[-1]
        where = f" in line {node.line}" if node.line else ""
        parts.append(Part("new tensor", f"the tensor that torch.{word} makes{where}", made.numel()))
    return parts


def _computed(network: plain.Network, parts: list[Part]) -> list[Part]:
    """Tables that are computed from nothing, beyond the numbers that they were made of, which are counted already."""
    made_of = sum(part.numbers for part in parts if part.kind != "parameter")
    numbers = computed(network) - made_of - FREE_LITERALS
    return [Part("computed", "numbers that the network computes from nothing", numbers)] if numbers > 0 else []


def _packed(network: plain.Network) -> list[str]:
    """Integers so large that they can hold several numbers."""
    starts = [t.init for t in network.tensors if isinstance(t.init, plain.Constant)]
    values = [v for constant in (*starts, *network.constants) for v in constant.values]
    values += [v for node in (*network.train.nodes, *network.eval.nodes) for v in _numbers(node)]
    values += [v for node in network.init for v in _numbers(node, init=True)]
    large = [v for v in values if isinstance(v, int) and abs(v) > LARGEST_INTEGER]
    return [
        f"Your network holds an integer as large as {value:,}, which may hold several numbers in one, and "
        f"{LARGEST_INTEGER:,} is allowed. Use a floating-point number."
        for value in sorted(large, key=abs)[-1:]
    ]


def _pretrained(network: plain.Network) -> list[str]:
    found = ready_made(network)
    total = sum(found.values())
    if total <= MOST_READY_MADE:
        return []
    name = max(found, key=found.get)
    return [
        f"{total:,} initial weights have values of their own, the same under every seed ({found[name]:,} in {name!r}), "
        f"and {MOST_READY_MADE} are allowed. Draw or fill them with torch.nn.init; pretrained weights are not accepted."
    ]


def _depends(argument) -> bool:
    """Does a size or value in there come from elsewhere in the graph, such as the batch size?"""
    if isinstance(argument, tuple):
        return any(map(_depends, argument))
    return isinstance(argument, plain.Input | plain.TensorRef | plain.NodeRef)


def _numbers(node: plain.Node, *, init: bool = False) -> list[int | float]:
    """Those that the node's call puts into the computation: scalars, not sizes."""
    places = literal_positions(resolve(node.op, init=init))
    found: list[int | float] = []
    for place, argument in (*enumerate(node.args), *node.kwargs.items()):
        if place in places:
            values = argument if isinstance(argument, tuple) else (argument,)
            found += [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return found


def too_much(cost: Work, batch_size: int) -> list[str]:
    """A smaller batch than usual means more steps, so its work is taken as that of a usual one."""
    scale = max(1.0, USUAL_BATCH / batch_size)
    shown = (
        (scale * cost.flops / 1e9, MOST.flops / 1e9, "GFLOP"),
        (scale * cost.elements / 1e6, MOST.elements / 1e6, "million elements read and written"),
        (scale * cost.memory / 2**30, MOST.memory / 2**30, "GiB of intermediate values"),
    )
    return [
        f"One training step on {max(batch_size, USUAL_BATCH)} images takes {value:,.1f} {unit}, and {most:,.0f} are "
        "allowed: use fewer channels or pool earlier."
        for value, most, unit in shown
        if value > most
    ]


def _modes_differ(network: plain.Network) -> list[str]:
    """Train and eval mode must compute the same, but for dropout and batch norm's use of its statistics."""
    train, evaluate = _comparable(network.train.nodes), _comparable(network.eval.nodes)
    for ours, theirs in zip(train, evaluate, strict=False):
        if ours[:-1] != theirs[:-1]:
            where = f"Line {ours[-1] or theirs[-1]}: " if ours[-1] or theirs[-1] else ""
            return [
                f"{where}your network computes something else in test mode than in training ({theirs[0]} where "
                f"training has {ours[0]}). Only dropout and batch norm may differ between the two."
            ]
    if len(train) != len(evaluate):
        return [
            f"Your network takes {len(train)} operations in training and {len(evaluate)} in test mode. Only dropout "
            "and batch norm may differ between the two."
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
        args = [renumber(a) for a in _with_defaults(node)]
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


def _with_defaults(node: plain.Node) -> tuple:
    """The positional arguments, with the defaults of those that are left out at the end."""
    schema = getattr(resolve(node.op), "_schema", None)
    positional = [a for a in schema.arguments if not a.kwarg_only] if schema else ()
    return (*node.args, *(a.default_value for a in positional[len(node.args) :]))


def _behaviour(spec: plain.Spec) -> list[str]:
    """Run the network in test mode: it must look at one image at a time, draw nothing, and change nothing."""
    network = TrainableNetwork(spec.network, 0)
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(64, 1, 28, 28, generator=draw)
    with torch.no_grad():
        untrained = network(images, training=False)
        for parameter in network.parameters.values():  # a gate may start closed, and open only in training
            parameter += 0.1 * torch.randn(parameter.shape, generator=draw)
        before = network.state()
        together = network(images, training=False)
        apart = torch.cat([network(pair, training=False) for pair in images.split(2)])
        again = network(images, training=False)
    after = network.state()
    if changed := [n for n in before if not torch.equal(before[n], after[n])]:
        return [f"Your network changes {changed[0]!r} in test mode. Only training may change it."]
    problems = []
    if any(n.op.split(".")[1] in _RANDOM for n in spec.network.eval.nodes) or not torch.allclose(
        together, again, rtol=0, atol=0, equal_nan=True
    ):
        problems.append("Your network draws random numbers in test mode. Use dropout, which rests then.")
    elif not torch.allclose(together, apart, rtol=BATCH_TOLERANCE, atol=BATCH_TOLERANCE, equal_nan=True):
        problems.append(
            f"In test mode your network's answer for an image depends on the other images of its batch (by "
            f"{(together - apart).abs().max().item():.2g}). Batch norm must use its running statistics there."
        )
    if spec.loss == "nll" and not torch.allclose(untrained.exp().sum(dim=1), torch.ones(64), atol=1e-3):
        problems.append(
            f"The network's outputs are not log-probabilities: their exponentials add up to "
            f"{untrained[0].exp().sum().item():.3g} and not to 1. End forward with F.log_softmax(x, dim=1), or use "
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
