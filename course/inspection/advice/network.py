"""Remarks on a network's graph."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from course import spec
from course.inspection.record import Advice, Layer, Part
from course.network.operators import bind, resolve

DIGIT_SIZE = 20  # pixels: the box that each digit of MNIST was scaled to
HEAD_SHARE = 0.5  # of the parameters, in one dense layer
MAX_NAMED = 3  # layers in a sentence
_SHAPE = frozenset("view reshape _unsafe_view flatten squeeze unsqueeze select slice contiguous clone to alias".split())
_SOFTMAX = ("softmax", "log_softmax")
_MEANS = ("adaptive_avg_pool2d", "avg_pool2d", "mean")
_RECTIFIERS = ("relu", "relu_", "relu6", "relu6_")
_DROPOUTS = ("dropout", "dropout_", "feature_dropout", "feature_dropout_")
_OF_POSITIONS = ("adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "amax", "sum", "avg_pool2d", "max_pool2d")
_WITH_BIAS = ("conv1d", "conv2d", "conv_transpose2d", "linear")


def advice_on_network(recipe: spec.Spec, parts: Sequence[Part], layers: Sequence[Layer]) -> Iterator[Advice]:
    yield from _useless_biases(recipe.network, sum(part.numbers for part in parts))
    yield from _unused_layers(parts)
    yield from _end_of_forward(recipe)
    yield from _small_field(layers)
    yield from _large_head(layers, sum(part.numbers for part in parts))


def _useless_biases(network: spec.Network, counted: int) -> Iterator[Advice]:
    """Biases whose only reader is a batch norm, which subtracts the mean of its batch."""
    nodes = network.train.nodes
    readers: dict[int, list[spec.Node]] = {}
    for node in nodes:
        for leaf in spec.leaves((*node.args, *node.kwargs.values())):
            if isinstance(leaf, spec.NodeRef):
                readers.setdefault(leaf.node, []).append(node)
    wasted: dict[int, tuple[str, int | None]] = {}  # by the bias's number: layer and line
    for number, node in enumerate(nodes):
        if node.operator not in _WITH_BIAS or number == network.train.output.node:
            continue
        bias = bind(resolve(node.op), node.args, node.kwargs).get("bias")
        is_normed = [reader.operator for reader in readers.get(number, [])] == ["batch_norm"]
        if isinstance(bias, spec.TensorRef) and is_normed and network.tensors[bias.tensor].requires_grad:
            wasted[bias.tensor] = node.layer, node.line
    numbers = sum(network.tensors[index].shape[0] for index in wasted)
    if wasted:
        names = [name or "a layer without a name" for name, _ in wasted.values()]
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        yield Advice(
            f"The biases in front of batch norms ({', '.join(names[:MAX_NAMED])}{more}) are {numbers} of {counted:,} "
            "parameters and do nothing: the norm subtracts them again. bias=False saves them.",
            next((line for _, line in wasted.values() if line), None),
            "lesson 1: Dead weight",
        )


def _unused_layers(parts: Sequence[Part]) -> Iterator[Advice]:
    unused: dict[str, int] = {}
    for part in parts:
        if part.kind == "unused":
            name = part.name.partition(",")[0]
            unused[name] = unused.get(name, 0) + part.numbers
    for name, numbers in unused.items():
        yield Advice(
            f"forward does not use {name}, whose {numbers:,} parameters count all the same. Delete it.",
            lesson="lesson 1: Dead weight",
        )


def _last_nodes(graph: spec.Graph) -> list[spec.Node]:
    """What the output was computed by, from the end on, without what only changes shapes."""
    found, reference = [], graph.output
    while True:
        node = graph.nodes[reference.node]
        if node.operator not in _SHAPE:
            found.append(node)
        if not node.args or not isinstance(node.args[0], spec.NodeRef):
            return found
        reference = node.args[0]


def _end_of_forward(recipe: spec.Spec) -> Iterator[Advice]:
    nodes = _last_nodes(recipe.network.train)
    ends = list(itertools.takewhile(lambda node: node.operator in _SOFTMAX, nodes))
    before = [node for node in nodes[len(ends) :] if node.operator not in _MEANS]
    if ends and recipe.loss == "cross_entropy":
        sentence = (
            "Behind a softmax it cannot fall below 1.46, and gradients nearly vanish: return the scores as they are."
            if ends[0].operator == "softmax"
            else "A second one changes nothing: return the scores as they are."
        )
        yield Advice(f'loss="cross_entropy" applies log_softmax itself. {sentence}', ends[0].line)
    if [node.operator for node in ends[:2]] == ["log_softmax", "softmax"]:
        yield Advice(
            "softmax in front of log_softmax leaves scores between 0 and 1, so no class can reach more than 23 %: take "
            "softmax out.",
            ends[1].line,
        )
    if before and before[0].operator in _DROPOUTS and _rate(before[0]) > 0:
        yield Advice(
            "Dropout on the ten scores themselves hides the right answer now and then. Put it before the last layer.",
            before.pop(0).line,
            "lesson 3: Where dropout hurts a small network",
        )
    if before and before[0].operator in _RECTIFIERS:
        yield Advice(
            "ReLU is the last step before the scores are compared, and makes all below 0 equal: an unlikely digit then "
            "scores as an impossible one. Leave it out there.",
            before[0].line,
        )


def _rate(dropout: spec.Node) -> float:
    rate = bind(resolve(dropout.op), dropout.args, dropout.kwargs).get("p", 0.5)
    return rate if isinstance(rate, int | float) else 0.0


def _small_field(layers: Sequence[Layer]) -> Iterator[Advice]:
    """What one value sees before all positions are joined by a mean or maximum, or at the end."""
    field = 1
    for layer in layers:
        if layer.operator in _OF_POSITIONS and _positions(layer) == 1:
            break
        field = max(field, layer.receptive_field)
    if 1 < field < DIGIT_SIZE:
        yield Advice(
            f"No value sees more than {field} by {field} pixels before they are joined, and a digit has {DIGIT_SIZE} "
            f"by {DIGIT_SIZE}: parts are seen, and not how they lie to each other. Add a layer, or pool earlier.",
            lesson="lesson 1: How far a layer sees",
        )


def _positions(layer: Layer) -> int:
    height, width = layer.shape[1:] if len(layer.shape) == 3 else (1, 1)
    return height * width


def _large_head(layers: Sequence[Layer], counted: int) -> Iterator[Advice]:
    positions = 1  # of the last image before
    for layer in layers:
        if layer.operator == "linear" and positions > 1 and layer.parameters >= HEAD_SHARE * counted:
            if any(other.operator == "conv2d" for other in layers):
                yield Advice(
                    f"The dense layer {layer.name!r} has {layer.parameters:,} of {counted:,} parameters, for each of "
                    f"{positions} positions its own. A mean over the positions before it, nn.AdaptiveAvgPool2d(1), "
                    "leaves them for layers that see.",
                    lesson="lesson 3: The head: a dense layer, or an average",
                )
            return
        if len(layer.shape) == 3:
            positions = _positions(layer)
