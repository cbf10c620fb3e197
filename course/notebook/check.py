"""`check_submission`: what the grader will do with this notebook's recipe, up to training, on the student's machine.

The recipe's cell is executed once more, alone, as the grader executes it: names that it takes from other cells are
then missing. It runs in the notebook's own process, which has already imported PyTorch, because `nbgrader validate`
gives a cell only 30 seconds.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

from course.errors import CourseError, DataError, RecipeError, StudentCodeError, UsageError, plural

if TYPE_CHECKING:
    from course.inspection.record import Inspection
    from course.rules import Rules


class NotReady(CourseError):
    """Why the grader would not train a recipe, in the grader's words. A notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:  # IPython calls this method to show an exception
        return str(self).splitlines()


def check_submission(assignment: str = "challenge") -> float | None:
    """Check the notebook's recipe as the grader will before it trains, and print the result.

    Raises NotReady with the grader's own sentences. While nbgrader autogrades, nothing is checked and the result is
    0.0: the grader replaces it with the score of the training.
    """
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":
        print("The grader trains the recipe itself and puts its score here. Until then:")
        return 0.0
    number, source = _recipe_cell()
    print(f"Checking the recipe of cell [{number}] for {assignment}, alone, as the grader does.")
    print(check_recipe(source, assignment))
    return None


def check_recipe(source: str, assignment: str) -> str:
    """The report on a recipe that the grader would train. Raises NotReady for one that it would refuse."""
    from course.data import assignment_at_hand
    from course.rules import load_rules

    try:
        rules = load_rules(assignment)
        with assignment_at_hand(assignment):
            inspection, reasons = _inspect(source, rules)
    except (UsageError, DataError) as error:
        raise NotReady(str(error)) from None
    except (RecipeError, StudentCodeError) as error:
        reasons = [str(error)]
    if reasons:
        raise NotReady("\n".join(["The grader would refuse this recipe:", *(f"- {reason}" for reason in reasons)]))
    return (
        f"- {plural(inspection.counted, 'parameter')} counted, {rules.max_parameters:,} allowed: "
        f"{inspection.describe_count()}\n"
        f"- {plural(inspection.epochs, 'epoch')}, {rules.max_epochs} allowed; "
        f"receptive field {inspection.receptive_field} px\n"
        "Nothing would be refused. What is left is the training, under seeds that only the grader knows: "
        f"{rules.accuracy:.2%} are asked for in {rules.streak}."
        + "".join(f"\nRemark: {advice}" for advice in inspection.advice)
    )


def _inspect(source: str, rules: Rules) -> tuple[Inspection, list[str]]:
    """The recipe's inspection, and what is refused. Raises RecipeError, StudentCodeError, UsageError, DataError."""
    from course.capture import capture, other_conditions, run_recipe
    from course.data import data_at_hand
    from course.inspection.checks import inspect
    from course.rules import refusals
    from course.spec import require_same
    from course.training.data import TrainingData
    from course.training.initial_accuracy import check_initial_accuracy

    # the output and warnings of the recipe's own code are not part of the report
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        spec = capture(run_recipe(source))
        inspection = inspect(spec, source)
        reasons = refusals(rules, inspection)
        if not reasons:
            with other_conditions():
                again = capture(run_recipe(source))
            require_same(spec, again)
    data_set = data_at_hand()
    if not reasons and (data_set.is_available() or not data_set.is_published):
        digits = data_set.load(download=False)
        check_initial_accuracy(spec, TrainingData(digits.train.images, digits.train.labels, digits.test.images), 1)
    return inspection, reasons


def _recipe_cell() -> tuple[int, str]:
    """Number and source of the cell that was last run in this notebook and binds `recipe`. Raises NotReady."""
    ipython = sys.modules.get("IPython")  # a notebook has imported it
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        raise NotReady("check_submission() works in a notebook. For a file, use the command: autograder inspect FILE.")
    cells = shell.history_manager.input_hist_raw
    for number in range(len(cells) - 1, 0, -1):
        if _binds_recipe(cells[number]):
            return number, cells[number]
    raise NotReady("No cell that binds `recipe` has been run yet. Run the cell with your recipe first.")


def _binds_recipe(source: str) -> bool:
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a notebook command, or not Python; if it is the recipe's cell, the check will say so
        return any(line.replace(" ", "").startswith("recipe=Recipe(") for line in source.splitlines())
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == "recipe" for target in targets)
