"""`check_submission`: what the grader will do with this notebook's recipe, up to training, on the student's machine.

The recipe's cell is run alone in a fresh process, as the grader runs it, so that what it takes from other cells is
found out. `python -m course.check ASSIGNMENT` is that process: source on stdin, report on stdout.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys

from course.errors import CourseError, RecipeError, StudentCodeError, UsageError

SECONDS = 60  # as long as the grader waits for a recipe
REFUSED, WRONG_USE = 10, 2  # exit codes; 1 is what Python itself ends with after a bug of ours


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
    print(f"Checking the recipe of cell [{number}] for {assignment}, alone and in a fresh process, as the grader does.")
    print(report(source, assignment))
    return None


def report(source: str, assignment: str) -> str:
    """What the grader finds in a recipe without training. Raises NotReady."""
    command = [sys.executable, "-m", "course.check", assignment]
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise NotReady(
            f"The recipe was still running after {SECONDS} seconds. A recipe only defines things; training happens in "
            "the grader. Look for an endless loop, a sleep or a download."
        ) from None
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode == 0 and said:
        return said
    if done.returncode in (REFUSED, WRONG_USE):
        raise NotReady(said)
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    raise NotReady(f"The recipe's process ended (exit code {done.returncode}) before it was complete: {last[0]}")


def _recipe_cell() -> tuple[int, str]:
    """Number and source of the last cell run in this notebook that binds `recipe`. Raises NotReady."""
    from IPython import get_ipython

    shell = get_ipython()
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


def main() -> int:
    """Print the report; exit code 0 it may be trained, REFUSED, or WRONG_USE."""
    from course.capture import capture
    from course.inspection import inspect
    from course.rules import load_rules, refusals
    from course.source import run_recipe

    answer, sys.stdout = sys.stdout, sys.stderr  # what the recipe prints is not part of the report
    try:
        rules = load_rules(sys.argv[1])
        found = inspect(capture(run_recipe(sys.stdin.buffer.read().decode())))
        reasons = refusals(rules, found)
    except UsageError as error:
        print(error, file=answer)
        return WRONG_USE
    except (RecipeError, StudentCodeError) as error:
        reasons = [str(error)]
    if reasons:
        print("The grader would refuse this recipe:", *(f"- {r}" for r in reasons), sep="\n", file=answer)
        return REFUSED
    print(
        f"- {found.counted:,} parameters counted, {rules.max_parameters:,} allowed: {found.count_in_words()}",
        f"- {found.epochs} epochs, {rules.max_epochs} allowed; receptive field {found.receptive_field} px",
        "Nothing would be refused. What is left is the training, under seeds that only the grader knows: "
        f"{rules.accuracy:.2%} are asked for in {rules.hold} consecutive epochs.",
        sep="\n",
        file=answer,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
