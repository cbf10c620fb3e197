"""An assignment of one's own: a table in the course's rules.toml and a notebook in source/, and no Python."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course.errors import UsageError
from course.files import write_atomically
from course.rules import Rules
from course.rules.course_folder import RULES
from course.rules.limits import read_rules, to_toml

TRAINED_CELL = "trained_score"  # the cells that the grader looks for
RECIPE_CELL = "recipe"


def make_assignment(course: Path, rules: Rules, points: float) -> Path:
    """Add the assignment to the course, and return its notebook. Both files or none are changed.

    Raises UsageError if the course has an assignment of that name, or a folder in source/, and for a name that is none.
    """
    path = course / RULES
    if rules.assignment in read_rules(path):
        raise UsageError(
            f"{path} has an assignment {rules.assignment!r} already. Choose another name, or edit it there."
        )
    notebook = course / "source" / rules.assignment / f"{rules.assignment}.ipynb"
    if notebook.parent.exists():
        raise UsageError(f"{notebook.parent} is there already. Choose another name, or move the folder away.")
    write_atomically(notebook, nbformat.writes(make_notebook(rules.assignment, points)) + "\n")
    text = path.read_text(encoding="utf-8")
    write_atomically(path, f"{text.rstrip()}\n\n{to_toml(rules)}")
    return notebook


def make_notebook(assignment: str, points: float) -> NotebookNode:
    """A notebook to go on from: the rule, the recipe, what can be known before training, a training, the score.

    No limit is written in it: its cells read the rules of the course.
    """
    cells = [
        new_markdown_cell(
            f"# {assignment}\n\nWrite here what your students should find out. The rule:", id="introduction"
        ),
        new_code_cell(
            "from course import check_submission, fit, inspect\n"
            "from course.plots import curves\n"
            "from course.rules import load_rules\n\n"
            f'print(load_rules("{assignment}").describe())',
            id="rule",
        ),
        new_markdown_cell(
            "## The recipe\n\nThe grader reads the next cell and no other, so it has to bring its own imports.",
            id="recipe-text",
        ),
        _graded(new_code_cell(_RECIPE, id=RECIPE_CELL), solution=True),
        new_markdown_cell("What can be known before training:", id="inspection-text"),
        new_code_cell("inspection = inspect(recipe)", id="inspection"),
        new_markdown_cell("## Training\n\nWith a seed of your own; the grader draws others.", id="training-text"),
        new_code_cell("history = fit(recipe, seed=1)\ncurves(history)", id="training"),
        new_markdown_cell("## The score", id="score-text"),
        _graded(
            new_code_cell(
                "# The grader trains the recipe and puts its score here. Before that, this checks what needs no "
                f'training.\ncheck_submission("{assignment}")',
                id=TRAINED_CELL,
            ),
            points=points,
        ),
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook: NotebookNode = new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    return notebook


def _graded(cell: NotebookNode, *, solution: bool = False, points: float | None = None) -> NotebookNode:
    """The cell with nbgrader's metadata; its id is its grade_id."""
    cell.metadata["nbgrader"] = {
        "grade": points is not None,
        "grade_id": cell.id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    } | ({} if points is None else {"points": points})
    return cell


_RECIPE = """\
# Bind `recipe = Recipe(...)`. What stands between the two marks is yours: students get the rest.
### BEGIN SOLUTION
from functools import partial

import torch.nn as nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR
from torchvision.transforms import Compose, Normalize, ToTensor

from course import Recipe, steps_per_epoch


def block(before, after):
    return [nn.Conv2d(before, after, 3, bias=False), nn.BatchNorm2d(after), nn.ReLU()]


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            *block(1, 6),
            nn.MaxPool2d(2),
            *block(6, 10),
            nn.MaxPool2d(2),
            *block(10, 11),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(11, 10),
            nn.LogSoftmax(dim=1),
        )


recipe = Recipe(
    model=Net,
    train_transform=Compose([ToTensor(), Normalize((0.1307,), (0.3081,))]),
    optimizer=partial(SGD, lr=0.1, momentum=0.9),
    scheduler=lambda optimizer: OneCycleLR(optimizer, max_lr=0.2, total_steps=5 * steps_per_epoch(64)),
    batch_size=64,
    epochs=5,
)
### END SOLUTION"""
