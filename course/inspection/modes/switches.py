"""Whatever takes part in the answer in test mode takes part in training, and the other way round.

The two graphs are the same but for dropout, noise and the statistics of batch norm (`modes`). What these leave behind
could still choose between two networks: `abs(dropout(ones, 0.5) - 1)` is 1 in training and 0 in test mode. There are
many ways to make such a value, so none is looked for. A switch is found by what it does: it closes one path and opens
another. So both graphs are run on the same images, with several draws of the noise, and the gradients of their answers
are compared, for every value that both compute: in a path that is closed they are zero.

In test mode the statistics of a batch norm are those of the runs in training mode, and the gradient goes through them
too, since they follow the parameters. They lag behind a little, as they do in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from course import spec
from course.errors import SpecError
from course.inspection.modes.graphs import DROPOUTS, MODE_ARGUMENTS, corresponding_nodes
from course.inspection.modes.training_noise import RANDOM_OPERATORS
from course.inspection.trials.images import unusual_images
from course.network import Program, initial_tensors
from course.network.operators import bind, resolve
from course.network.program import Call

IMAGES = 16
DRAWS = 4  # of the noise, in a round
ROUNDS = 20  # before a network is refused: noise may drop nine tenths of the batches
SCALES = (1.0, -2.0)  # of the parameters: with the second, gates that start closed are open
PARAMETER_CHANGE = 0.1  # of the parameters, at random, before the runs
LAG = 0.01  # of the statistics: with a momentum of 0.001 so much of their start is left after 5 epochs
MIN_SHARE = 0.02  # mean gradient in training as a share of that in test mode; honest: from 0.49, made for it 0.03
MIN_TEST_SHARE = 0.002  # the other way round; honest: from 0.13, because noise makes gradients large
MIN_COSINE = -0.3  # of the mean gradients in the two modes; honest: from -0.02
MIN_EFFECT = 1e-4  # gradient times value, as a share of the output's; less is rounding
MIN_ELEMENTS = 30  # a mean over fewer of similar size says little
_CPU = torch.device("cpu")
_NORMS = ("batch_norm", "instance_norm")
_RANDOM = DROPOUTS | RANDOM_OPERATORS | {"rrelu", "rrelu_", "scaled_dot_product_attention"}
_IN_PLACE = (
    "Your network changes a tensor in place that other values are computed from, so its gradients cannot be computed. "
    "Write z = z + 1 instead of z += 1 or z.add_(1)."
)
_GENERAL = (
    "So dropout, noise or normalisation chooses what the network computes. Apply them to a layer's output and go on "
    "with another layer, and compute nothing from what they left out."
)
_INSTANCE_NORM = (
    "nn.InstanceNorm2d(track_running_stats=True) is another function in test mode: in training each image is "
    "normalised by itself, so that the mean of a channel over its pixels is the same for all images. Use "
    "nn.BatchNorm2d; or leave track_running_stats out, with a ReLU before the pixels are averaged."
)

_Statistics = dict[int, tuple[Tensor, Tensor]]  # node -> mean and variance of each channel


def switch_problems(given: spec.Spec) -> list[str]:
    """A sentence if a value takes part in one mode alone. There must be no `mode_problems`."""
    network = given.network
    operators = {node.operator for node in network.train.nodes}
    if operators.isdisjoint(_RANDOM.union(_NORMS)):
        return []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        images = unusual_images(given, IMAGES)
        for scale in SCALES:
            trial = _Trial(network, images, scale, 1 if operators.isdisjoint(_RANDOM) else DRAWS)
            try:
                problem = trial.problem()
            except (RuntimeError, SpecError):  # the graphs have been run before, without gradients
                return [_IN_PLACE]
            if problem is not None:
                return [problem]
    return []


@dataclass
class _Compared:
    """The gradients of a value in both modes: sums over all its elements, and for each place along each axis."""

    node: spec.Node | None
    name: str
    sums: list[Tensor] = field(default_factory=list)

    def add(self, train: Tensor, evaluate: Tensor, effects: tuple[Tensor, Tensor]) -> None:
        """`train` has the draws in front; `effects` are those of one element, in training and in test mode."""
        scale = torch.maximum(train.abs().amax(), evaluate.abs().amax()).clamp_min(1e-30)  # powers stay in range
        train, evaluate = train / scale, evaluate / scale
        mean, power = train.mean(0), train.square().mean(0)
        quantities = [train.abs().mean(0), evaluate.abs(), mean * evaluate, mean.square(), evaluate.square()]
        quantities += [power, power.square(), evaluate.square().square(), *effects]
        stacked = torch.stack(quantities)
        axes = [axis for axis in range(1, stacked.dim()) if stacked.shape[axis] > 1]
        if evaluate.shape[:1] == (IMAGES,):
            axes = axes[1:]
        new = [stacked.flatten(1).sum(1, keepdim=True)]
        if len(axes) > 1 or evaluate.shape[:1] == (IMAGES,):
            new += [stacked.transpose(1, axis).flatten(2).sum(2) for axis in axes]
        self.sums = [old + more for old, more in zip(self.sums, new, strict=True)] if self.sums else new

    def difference(self, min_effect: float) -> str | None:
        """How the modes differ, as the end of a sentence."""
        for number, sums in enumerate(self.sums):
            train, evaluate, product, mean, square, power, power_2, square_2, in_train, in_evaluate = sums
            # as many elements of equal size would have such sums of squares
            elements = torch.maximum(power.square() / (power_2 + 1e-30), square.square() / (square_2 + 1e-30))
            compared = (elements >= MIN_ELEMENTS) & (torch.maximum(in_train, in_evaluate) > min_effect)
            if bool((compared & (train < MIN_SHARE * evaluate)).any()):
                return "takes part in the answer in test mode, and hardly in training"
            if number > 0:  # a channel may be dead without the noise
                continue
            if bool((compared & (evaluate < MIN_TEST_SHARE * train)).any()):
                return "takes part in the answer in training, and hardly in test mode"
            if bool((compared & (product < MIN_COSINE * (mean * square).sqrt())).any()):
                return "has the opposite effect on the answer in test mode"
        return None


class _Trial:
    """Runs of both graphs with one set of parameters."""

    def __init__(self, network: spec.Network, images: Tensor, scale: float, draws: int) -> None:
        self.network = network
        self.images = images
        self.draws = draws
        self.pairs = corresponding_nodes(network)
        self.first_node = 1 + len(network.tensors)
        self.norms = {ours: theirs for ours, theirs in self.pairs if _changes_its_statistics(network, ours, theirs)}
        initial = [tensor.detach() for tensor in initial_tensors(network, 0)]
        self.tensors = [
            scale * (value + PARAMETER_CHANGE * torch.randn(value.shape)) if tensor.requires_grad else value
            for tensor, value in zip(network.tensors, initial, strict=True)
        ]
        self.compared: dict[tuple[int, int], _Compared] = {}  # by value and number of the tensor in it
        self.effect = 0.0  # of the outputs

    def problem(self) -> str | None:
        """Run both modes until no value differs, or often enough to say that one does."""
        differences: list[tuple[_Compared, str]] = []
        for _ in range(1 if self.draws == 1 else ROUNDS):
            self._run()
            found = [(value, value.difference(MIN_EFFECT * self.effect)) for value in self.compared.values()]
            differences = [(value, how) for value, how in found if how is not None]
            if not differences:
                return None
        value, how = next((pair for pair in differences if pair[0].node is not None), differences[0])
        place = f"Line {value.node.line}: A" if value.node is not None and value.node.line else "A"
        normalises_images = any(self.network.train.nodes[ours].operator == "instance_norm" for ours in self.norms)
        advice = _INSTANCE_NORM if normalises_images else _GENERAL
        return f"{place} value of your network ({value.name}) {how}. {advice}"

    def _run(self) -> None:
        """Add the gradients under a few draws."""
        trains, statistics = [], []
        for _ in range(self.draws):
            measured: _Statistics = {}
            trains.append(self._values(self.network.train, measured, None))
            statistics.append(measured)
        evaluated = self._values(self.network.eval, None, self._statistics(statistics))
        first = self.first_node
        pairs = [(i, i) for i in range(first)] + [(ours + first, theirs + first) for ours, theirs in self.pairs]
        keys = [(theirs, number) for _, theirs in pairs for number in range(len(_floats(evaluated[theirs])))]
        in_evaluate = [leaf for _, theirs in pairs for leaf in _floats(evaluated[theirs])]
        in_train = [leaf for values in trains for ours, _ in pairs for leaf in _floats(values[ours])]
        outputs = [values[first + self.network.train.output.node] for values in trains]
        output = evaluated[first + self.network.eval.output.node]
        weights = torch.randn(output.shape)
        self.effect += (weights * output).abs().sum().item()
        train = _gradients(torch.stack([(weights * o).sum() for o in outputs]).sum(), in_train)
        both = _gradients((weights * output).sum(), [*in_evaluate, *in_train])
        count = len(keys)
        for i, (key, value) in enumerate(zip(keys, in_evaluate, strict=True)):
            through_statistics = [g for g in both[count + i :: count] if g is not None]
            direct = both[i]
            total = torch.zeros_like(value) if direct is None else direct
            total = sum(through_statistics, total)
            drawn = [torch.zeros_like(value) if g is None else g for g in train[i::count]]
            self._compare(key, torch.stack(drawn), total, torch.stack(in_train[i::count]).detach(), value.detach())

    def _compare(self, key: tuple[int, int], train: Tensor, total: Tensor, drawn: Tensor, value: Tensor) -> None:
        if value.numel() < MIN_ELEMENTS:
            return
        train, total, drawn, value = (t.nan_to_num(0, 0, 0) for t in (train, total, drawn, value))
        if key not in self.compared:
            index = key[0] - self.first_node
            node = self.network.eval.nodes[index] if index >= 0 else None
            name = "the images" if key[0] == 0 else self.network.tensors[key[0] - 1].name if index < 0 else ""
            self.compared[key] = _Compared(node, node.operator if node is not None else name)
        self.compared[key].add(train, total, ((train * drawn).abs().mean(0), (total * value).abs()))

    def _statistics(self, measured: list[_Statistics]) -> _Statistics:
        """The statistics in test mode, by node of the eval graph: means of the training's, which lag a little."""
        result = {}
        for ours, theirs in self.norms.items():
            mean, variance = (torch.stack(parts).mean(0) for parts in zip(*(m[ours] for m in measured), strict=True))
            result[theirs] = mean - LAG * mean.detach(), variance + LAG * (1 - variance.detach())
        return result

    def _values(self, graph: spec.Graph, measured: _Statistics | None, known: _Statistics | None) -> list[Any]:
        """All values of a graph by index, with gradients; `measured` is filled in training, `known` used in testing."""
        program = Program(graph.nodes, len(self.tensors), None)
        values = [_with_gradient(tensor.clone()) for tensor in (self.images, *self.tensors)]
        values += [None] * len(graph.nodes)
        for call in program.calls:
            node = call.output - self.first_node
            if measured is not None and node in self.norms:
                value, measured[node] = _train_norm(_loaded(program, call, values))
            elif known is not None and node in known:
                value = _test_norm(_loaded(program, call, values), *known[node])
            elif call.name.startswith("aten.detach"):  # a path without gradients is a path too
                value = program.arguments(call, values)[0][0]
            else:
                value = program.compute(call, values, _CPU)
            values[call.output] = _with_gradient(value)
        return values


def _changes_its_statistics(network: spec.Network, ours: int, theirs: int) -> bool:
    """Whether a pair of nodes normalises by the batch or the image in training, and by what it kept in test mode."""
    flags = []
    for node in (network.train.nodes[ours], network.eval.nodes[theirs]):
        if node.operator not in _NORMS:
            return False
        arguments = bind(resolve(node.op), node.args, node.kwargs, defaults=True)
        flags.append(bool(arguments[MODE_ARGUMENTS[node.operator][0]]))
    return flags == [True, False]


def _train_norm(given: Mapping[str, Any]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """What a norm computes in training, and the statistics that it would keep."""
    x = given["input"]
    places = list(range(2, x.dim()))
    affine = given["weight"], given["bias"], None, None, True, 0.0, given["eps"], False
    if "use_input_stats" in given:
        return torch.instance_norm(x, *affine), (x.mean([0, *places]), x.var(places).mean(0))
    correction = 1 if x.numel() > x.shape[1] else 0
    return torch.batch_norm(x, *affine), (x.mean([0, *places]), x.var([0, *places], correction=correction))


def _test_norm(given: Mapping[str, Any], mean: Tensor, variance: Tensor) -> Tensor:
    """What a norm computes with these statistics, as PyTorch does, but with gradients for them."""
    x: Tensor = given["input"]
    shape = [1, -1, *[1] * (x.dim() - 2)]
    x = (x - mean.view(shape)) / (variance.view(shape) + given["eps"]).sqrt()
    if given["weight"] is not None:
        x = x * given["weight"].view(shape)
    return x if given["bias"] is None else x + given["bias"].view(shape)


def _loaded(program: Program, call: Call, values: list[Any]) -> Mapping[str, Any]:
    args, kwargs = program.arguments(call, values)
    return bind(call.op, args, kwargs, defaults=True)


def _with_gradient(value: Any) -> Any:
    """The value as a part of a graph for gradients, if it is not in one yet: constants are compared too."""
    if isinstance(value, tuple | list):
        return [_with_gradient(item) for item in value]
    if isinstance(value, Tensor) and value.is_floating_point() and not value.requires_grad:
        return value.detach().requires_grad_() * 1  # a leaf could not be written into
    return value


def _floats(value: Any) -> list[Tensor]:
    return [leaf for leaf in spec.leaves(value) if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def _gradients(output: Tensor, values: list[Tensor]) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(output, values, allow_unused=True, retain_graph=True)
