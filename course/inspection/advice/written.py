"""Remarks on habits in a recipe's source that the grader does not take over, because it trains by its own loop.

The source is parsed here and never run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from course.inspection.record import Advice
from course.recipe import INSTEAD_OF_AVERAGING, INSTEAD_OF_CLIPPING, INSTEAD_OF_L1, INSTEAD_OF_MIXING
from course.spec import Spec

_CLIPPING = re.compile(r"clip_grad_(norm|value)_?$")
_AVERAGING = re.compile(r"(SWALR|AveragedModel|update_bn|ModelEma\w*)$")
_MIXING = re.compile(r"(?i)(mixup|cutmix)")


class SourceNames:
    """The names that a source uses, with their lines. One that is no Python has none."""

    def __init__(self, text: str):
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.tree = ast.Module(body=[], type_ignores=[])

    def names(self) -> Iterator[tuple[str, int]]:
        """Every name, attribute and function in the order of the tree; imports are left out."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name):
                yield node.id, node.lineno
            elif isinstance(node, ast.Attribute):
                yield node.attr, node.lineno
            elif isinstance(node, ast.FunctionDef):
                yield node.name, node.lineno

    def line_of(self, name: str) -> int | None:
        """The first line that uses a name."""
        return min((line for found, line in self.names() if found == name), default=None)

    def first(self, pattern: re.Pattern[str]) -> tuple[str, int] | None:
        """The first name, by line, that a pattern matches, with its line."""
        return min(
            ((name, line) for name, line in self.names() if pattern.match(name)),
            key=lambda found: found[1],
            default=None,
        )


def advice_on_source(source: SourceNames, recipe: Spec) -> Iterator[Advice]:
    if recipe.clip_norm is None and (found := source.first(_CLIPPING)):
        yield Advice(f"{found[0]} has no effect: the grader trains by its own loop. {INSTEAD_OF_CLIPPING}", found[1])
    if recipe.average_decay is None and (found := source.first(_AVERAGING)):
        yield Advice(f"{found[0]} averages nothing in the grader's own loop. {INSTEAD_OF_AVERAGING}", found[1])
    if not recipe.label_smoothing and (found := source.first(_MIXING)):
        yield Advice(f"{found[0]} has no effect: the grader trains by its own loop. {INSTEAD_OF_MIXING}", found[1])
    if (line := _penalty_by_hand(source.tree)) is not None:
        yield Advice(f"A penalty that is added to the loss by hand has no effect. {INSTEAD_OF_L1}", line)


def _penalty_by_hand(tree: ast.Module) -> int | None:
    """The line of a function that goes through all parameters and takes their absolute values or norms."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            called = {
                node.func.attr: node.lineno
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            }
            penalties = [called[name] for name in ("abs", "norm") if name in called]
            if penalties and {"parameters", "named_parameters"} & called.keys() and "backward" in called:
                return min(penalties)
    return None
