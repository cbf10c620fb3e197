"""Train and eval mode must compute the same, apart from dropout and from batch norm's use of its statistics."""

from __future__ import annotations

from dataclasses import dataclass

from course import spec
from course.network.operators import resolve

DROPOUTS = frozenset(
    "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout".split()
)


def mode_problems(network: spec.Network) -> list[str]:
    """A sentence if the two modes compute different things; it names the first line that differs."""
    train, evaluate = _comparable_calls(network.train.nodes), _comparable_calls(network.eval.nodes)
    for train_call, eval_call in zip(train, evaluate, strict=False):
        if train_call.computation != eval_call.computation:
            line = train_call.line or eval_call.line
            return [
                f"{f'Line {line}: ' if line else ''}your network computes something else in test mode than in training "
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
    args: tuple[object, ...]
    kwargs: tuple[tuple[str, object], ...]
    line: int | None

    @property
    def computation(self) -> tuple[object, ...]:
        return self.operator, self.args, self.kwargs


def _comparable_calls(nodes: tuple[spec.Node, ...]) -> list[_Call]:
    """The calls of a graph without its dropouts and without batch norm's training flag."""
    results: dict[int, object] = {}  # node -> what its readers see

    def renumbered(argument: object) -> object:
        if isinstance(argument, spec.NodeRef):
            return results[argument.node]
        return tuple(map(renumbered, argument)) if isinstance(argument, tuple) else argument

    calls: list[_Call] = []
    for index, node in enumerate(nodes):
        args = [renumbered(argument) for argument in _args_with_defaults(node)]
        if node.operator in DROPOUTS:
            results[index] = args[0]
            continue
        if node.operator in ("batch_norm", "instance_norm"):
            args[5] = None
        if node.operator in ("rrelu", "rrelu_"):
            args[3:] = []
        results[index] = _CallRef(len(calls))
        kwargs = tuple((name, renumbered(argument)) for name, argument in node.kwargs.items())
        calls.append(_Call(node.operator, tuple(args), kwargs, node.line))
    return calls


def _args_with_defaults(node: spec.Node) -> tuple[object, ...]:
    """The positional arguments, with the defaults of those that are left out at the end."""
    schema = getattr(resolve(node.op), "_schema", None)
    positional = [a for a in schema.arguments if not a.kwarg_only] if schema else ()
    return (*node.args, *(a.default_value for a in positional[len(node.args) :]))
