"""`check_submission`: what the grader will do with this notebook's recipe, up to training, on the student's machine.

The recipe's cell is run once more, alone, as the grader runs it: what it takes from other cells is found out. It
happens in the notebook's own process, which has PyTorch loaded: `nbgrader validate` gives a cell 30 seconds.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import sys

from course.errors import CourseError, RecipeError, StudentCodeError, UsageError


class NotReady(CourseError):
    """What keeps a recipe from being trained, in the grader's words; a notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()  # IPython asks an exception for this


def check_submission(assignment: str = "challenge") -> float | None:
    """Do with the notebook's recipe what the grader will do, up to training, and print what it finds.

    Raises NotReady with the grader's own sentences. While nbgrader grades, nothing is checked and 0.0 returned:
    the grader puts the score of the training in its place.
    """
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":
        print("The grader trains the recipe itself and puts its score here. Until then:")
        return 0.0
    number, source = _recipe_cell()
    print(f"Checking the recipe of cell [{number}] for {assignment}, alone, as the grader does.")
    print(report(source, assignment))
    return None


def report(source: str, assignment: str) -> str:
    """What the grader finds in a recipe without training. Raises NotReady."""
    from course.capture import capture, run_recipe
    from course.inspection import inspect
    from course.rules import load_rules, refusals

    try:
        rules = load_rules(assignment)
        # what the recipe prints and warns of is not part of the report
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            found = inspect(capture(run_recipe(source)))
        reasons = refusals(rules, found)
    except UsageError as error:
        raise NotReady(str(error)) from None
    except (RecipeError, StudentCodeError) as error:
        reasons = [str(error)]
    if reasons:
        raise NotReady("\n".join(["The grader would refuse this recipe:", *(f"- {reason}" for reason in reasons)]))
    return (
        f"- {found.counted:,} parameters counted, {rules.max_parameters:,} allowed: {found.describe_count()}\n"
        f"- {found.epochs} epochs, {rules.max_epochs} allowed; receptive field {found.receptive_field} px\n"
        "Nothing would be refused. What is left is the training, under seeds that only the grader knows: "
        f"{rules.accuracy:.2%} are asked for in {rules.hold} consecutive epochs."
    )


def _recipe_cell() -> tuple[int, str]:
    """Number and source of the last cell run in this notebook that binds `recipe`. Raises NotReady."""
    ipython = sys.modules.get("IPython")  # a notebook has it loaded
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
    except SyntaxError:  # a notebook command, or not Python: the check says so if it is meant to be the recipe
        return any(line.replace(" ", "").startswith("recipe=Recipe(") for line in source.splitlines())
    targets = [t for s in body if isinstance(s, ast.Assign) for t in s.targets]
    targets += [s.target for s in body if isinstance(s, ast.AnnAssign)]
    return any(isinstance(t, ast.Name) and t.id == "recipe" for t in targets)
