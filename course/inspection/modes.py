"""Train and eval mode must compute the same, apart from dropout and from batch norm's use of its statistics."""

from __future__ import annotations

from dataclasses import dataclass, field

from course import spec
from course.network.operators import bind, resolve

DROPOUTS = frozenset(
    "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout".split()
)
MODE_ARGUMENTS = {  # what else may differ between the modes
    "batch_norm": ("training",),
    "instance_norm": ("use_input_stats",),
    "rrelu": ("training",),
    "rrelu_": ("training",),
}


def mode_problems(network: spec.Network) -> list[str]:
    """A sentence if the two modes compute different things; it names the first line that differs."""
    train, evaluate = _comparable_calls(network.train.nodes), _comparable_calls(network.eval.nodes)
    for train_call, eval_call in zip(train, evaluate, strict=False):
        if train_call != eval_call:
            line = train_call.line or eval_call.line
            return [
                f"{f'Line {line}: ' if line else ''}Your network computes something else in test mode than in training "
                f"({eval_call.operator} where training has {train_call.operator}). Only dropout and batch norm may "
                "differ between the two."
            ]
    if len(train) != len(evaluate):
        return [
            f"Your network takes {len(train)} operations in training and {len(evaluate)} in test mode. Only dropout "
            "and batch norm may differ between the two."
        ]
    return []


@dataclass(frozen=True)
class _CallRef:
    """The result of the comparable call with this number."""

    index: int


@dataclass(frozen=True)
class _Call:
    """A node without what may differ between the modes."""

    operator: str
    arguments: dict[str, object]
    line: int | None = field(compare=False)


def _comparable_calls(nodes: tuple[spec.Node, ...]) -> list[_Call]:
    """The calls of a graph without its dropouts and without batch norm's training flag."""
    results: dict[int, object] = {}  # node -> what its readers see

    def renumbered(argument: object) -> object:
        if isinstance(argument, spec.NodeRef):
            return results[argument.node]
        return tuple(map(renumbered, argument)) if isinstance(argument, tuple | list) else argument

    calls: list[_Call] = []
    for index, node in enumerate(nodes):
        bound = bind(resolve(node.op), node.args, node.kwargs, defaults=True)
        arguments = {name: renumbered(argument) for name, argument in bound.items()}
        if node.operator in DROPOUTS:
            results[index] = arguments["self" if node.operator.endswith("_") else "input"]
            continue
        for name in MODE_ARGUMENTS.get(node.operator, ()):
            arguments.pop(name, None)
        results[index] = _CallRef(len(calls))
        calls.append(_Call(node.operator, arguments, node.line))
    return calls
