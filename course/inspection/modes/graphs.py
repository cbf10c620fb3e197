"""Train and eval mode must compute the same, apart from dropout, from batch norm's use of its statistics, and noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from course import spec
from course.inspection.modes.training_noise import RANDOM_OPERATORS, TrainingNoise, training_noise
from course.network.operators import bind, resolve

MAX_DROPOUT = 0.9  # of the values; networks are trained with up to 0.5, and 1.0 leaves nothing of what it is given
MIN_MOMENTUM, MAX_MOMENTUM = 0.001, 1.0  # PyTorch's default is 0.1; statistics that are not updated are another network
DROPOUTS = frozenset(
    "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout".split()
)
MODE_ARGUMENTS = {  # what else may differ between the modes
    "batch_norm": ("training",),
    "instance_norm": ("use_input_stats",),
    "rrelu": ("training",),
    "rrelu_": ("training",),
    "scaled_dot_product_attention": ("dropout_p",),
}
RANDOM_IN_TEST_MODE = (
    "Your network draws random numbers in test mode. Use nn.Dropout or F.dropout(x, training=self.training), which do "
    "nothing there."
)
_ONLY = "Only dropout and batch norm may differ between the two."
_NOISE = (
    "Noise in training only is added to a value, x + 0.1 * torch.randn_like(x), or multiplies one, x * mask / keep, "
    "where mask = torch.empty(x.size(0), 1, 1, 1, device=x.device).bernoulli_(keep)."
)


def mode_problems(network: spec.Network) -> list[str]:
    """A sentence if the two modes compute different things; it names the first line that differs."""
    if any(node.operator in RANDOM_OPERATORS for node in network.eval.nodes):
        return [RANDOM_IN_TEST_MODE]
    noise = training_noise(network)
    train, evaluate = _comparison(network.train, noise), _comparison(network.eval)
    only = _NOISE if any(call.operator in RANDOM_OPERATORS for call in train.calls) else _ONLY
    for train_call, eval_call in zip(train.calls, evaluate.calls, strict=False):
        if train_call != eval_call:
            return [
                f"{_place(train_call.line or eval_call.line)}Your network computes something else in test mode than in "
                f"training ({eval_call.operator} where training has {train_call.operator}). {only}"
            ]
    if len(train.calls) != len(evaluate.calls):
        return [
            f"Your network takes {len(train.calls)} operations in training and {len(evaluate.calls)} in test mode. "
            f"{only}"
        ]
    if train.output != evaluate.output:
        return [
            "Your network computes the same in both modes, but returns another of its values in test mode than in "
            f"training. Let forward return one value, whatever self.training is. {only}"
        ]
    return [*noise.problems, *_dropout_problems(network), *_momentum_problems(network)][:1]


def corresponding_nodes(network: spec.Network) -> list[tuple[int, int]]:
    """The positions of the nodes that compute the same in train and in eval mode, of a network without a problem."""
    train, evaluate = _comparison(network.train, training_noise(network)), _comparison(network.eval)
    return [(ours.node, theirs.node) for ours, theirs in zip(train.calls, evaluate.calls, strict=True)]


@dataclass(frozen=True)
class _CallRef:
    """The result of the comparable call with this number."""

    index: int


@dataclass(frozen=True)
class _Call:
    """A node without what may differ between the modes."""

    op: str
    arguments: dict[str, object]
    line: int | None = field(compare=False)
    node: int = field(compare=False)

    @property
    def operator(self) -> str:
        return self.op.split(".")[1]  # "conv2d" of "aten.conv2d.default", "getitem" of "size.getitem"


@dataclass(frozen=True)
class _Comparison:
    """A graph's calls without its dropouts and without batch norm's training flag, and what its output is of them."""

    calls: list[_Call]
    output: object


def _comparison(graph: spec.Graph, noise: TrainingNoise | None = None) -> _Comparison:
    """The calls of a graph that have to be the same in both modes; `noise` is left out."""
    noise = noise or TrainingNoise()
    results: dict[int, object] = {}  # node -> what its readers see

    def renumbered(argument: object) -> object:
        if isinstance(argument, spec.NodeRef):
            return results[argument.node]
        if isinstance(argument, tuple | list):
            return tuple(map(renumbered, argument))
        # True equals 1 in Python, and 1 equals 1.0
        return (type(argument), argument) if isinstance(argument, bool | int | float) else argument

    calls: list[_Call] = []
    for index, node in enumerate(graph.nodes):
        if index in noise.unread:
            continue
        if index in noise.identity:
            results[index] = renumbered(noise.identity[index])
            continue
        bound = bind(resolve(node.op), node.args, node.kwargs, defaults=True)
        arguments = {name: renumbered(argument) for name, argument in bound.items()}
        if node.operator in DROPOUTS:
            results[index] = arguments["self" if node.operator.endswith("_") else "input"]
            continue
        for name in MODE_ARGUMENTS.get(node.operator, ()):
            arguments.pop(name, None)
        results[index] = _CallRef(len(calls))
        calls.append(_Call(node.op, arguments, node.line, index))
    return _Comparison(calls, results.get(graph.output.node))


def _dropout_problems(network: spec.Network) -> Iterator[str]:
    """A sentence for each dropout that leaves so little of its input that it tells training from testing."""
    for node in network.train.nodes:
        arguments = bind(resolve(node.op), node.args, node.kwargs, defaults=True)
        p = arguments["p"] if node.operator in DROPOUTS else arguments.get("dropout_p", 0.0)
        if not isinstance(p, int | float):
            yield f"{_place(node.line)}Your network computes the p of its dropout. Write it as a number."
        elif not 0 <= p <= MAX_DROPOUT:
            yield (
                f"{_place(node.line)}Your network has dropout with p={p:g}, and 0 to {MAX_DROPOUT} are allowed: with "
                "more, hardly anything of what the layers before it compute takes part in training. Use a smaller p."
            )


def _momentum_problems(network: spec.Network) -> Iterator[str]:
    """A sentence for each batch norm whose statistics do not follow the training."""
    for node in network.train.nodes:
        arguments = bind(resolve(node.op), node.args, node.kwargs, defaults=True)
        flag = MODE_ARGUMENTS.get(node.operator, ("",))[0]
        if node.operator not in ("batch_norm", "instance_norm") or arguments[flag] is not True:
            continue
        momentum = arguments["momentum"]
        if arguments["running_mean"] is None and arguments["running_var"] is None:
            continue  # it has no statistics
        if not isinstance(momentum, int | float) or not MIN_MOMENTUM <= momentum <= MAX_MOMENTUM:
            shown = f"momentum={momentum:g}" if isinstance(momentum, int | float) else "a momentum that it computes"
            yield (
                f"{_place(node.line)}Your network has a batch norm with {shown}, and {MIN_MOMENTUM} to "
                f"{MAX_MOMENTUM:g} are allowed: otherwise its statistics in test mode are not those of the training. "
                "PyTorch's default is 0.1."
            )


def _place(line: int | None) -> str:
    return f"Line {line}: " if line else ""
