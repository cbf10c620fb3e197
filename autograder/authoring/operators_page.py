"""Generates docs/operators.md, the list of operators, transforms and optimizers that are allowed, for students.

python -m autograder.authoring operators docs
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from autograder.console import report_errors
from course.files import write_atomically
from course.network.operators import FAMILIES
from course.training.optimizers import OPTIMIZERS
from course.transforms.registry import REGISTRY

BEFORE = """# Operators a network may use

A recipe's network is captured as a list of PyTorch's own operators. The ones below are allowed. You do
not call them yourself: `nn.Conv2d` becomes `conv2d`, `x + y` becomes `add`, `x.view(...)` becomes
`view`. A name that ends in `_` changes its tensor in place. Any other operator is refused; the message
gives its name and the line of your code.

| family | operators |
|---|---|
"""
AFTER = """
Is a harmless operator missing? Open a pull request that adds its name to `FAMILIES` in
`course/network/operators.py` and a network that uses it to `tests/support/networks.py`. Some operators
stay off the list: those that decide by values (`item`, `nonzero`), reinterpret memory (`as_strided`, or
`view` with a type), or reach beyond tensors.

# Transforms and optimizers a recipe may use

Of torchvision's transforms, in both generations where it has them in both: {transforms}.

Of `torch.optim`: {optimizers}.
"""


def operators_page() -> str:
    """The page as Markdown: one table row for each family of operators, then what else a recipe may use by name."""
    rows = (f"| {family} | {' '.join(f'`{name}`' for name in names.split())} |" for family, names in FAMILIES.items())
    after = AFTER.format(transforms=_listed(REGISTRY), optimizers=_listed(OPTIMIZERS))
    return BEFORE + "\n".join(rows) + "\n" + after


def _listed(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@report_errors
def operators(folder: Path) -> None:
    """Write the list of allowed operators, transforms and optimizers to FOLDER."""
    write_atomically(folder / "operators.md", operators_page())
