"""A recipe's source -> the Recipe it binds, run alone: no other cell of its notebook is there.

The grader does this in its sandbox, `check_submission` in the notebook itself.
"""

from __future__ import annotations

import linecache
import sys
import types

from course.capture.source_lines import student_line
from course.errors import RecipeError, StudentCodeError, is_out_of_memory
from course.recipe import Recipe

FILENAME = "recipe"


def run_recipe(source: str) -> Recipe:
    """Execute the source and take its `recipe`. Raises StudentCodeError, RecipeError."""
    # tracebacks and torch.export look for the source's lines here
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(keepends=True), FILENAME)
    module = sys.modules[FILENAME] = types.ModuleType(FILENAME)  # dataclasses look their module up there
    namespace = vars(module)
    try:
        exec(compile(source, FILENAME, "exec", dont_inherit=True), namespace)
    except SyntaxError as error:
        raise StudentCodeError(_syntax(error)) from None
    except RecipeError as error:
        raise RecipeError(error.message, student_line(error)[0] if error.line is None else error.line) from None
    except BaseException as error:  # SystemExit and KeyboardInterrupt are the student's as well
        if is_out_of_memory(error):
            raise
        line, code = student_line(error)
        where = f"Line {line} ({code}): " if line else ""
        raise StudentCodeError(f"{where}{type(error).__name__}: {str(error)[:300]}") from None
    if "recipe" not in namespace:
        raise StudentCodeError("The recipe cell does not bind the name `recipe`. End it with recipe = Recipe(...).")
    if not isinstance(namespace["recipe"], Recipe):
        raise RecipeError(f"`recipe` is {type(namespace['recipe']).__name__}, and a Recipe(...) is needed.")
    return namespace["recipe"]


def _syntax(error: SyntaxError) -> str:
    code = (error.text or "").strip()
    if code.startswith(("%", "!")):
        return (
            f"Line {error.lineno}: {code[:80]} is a notebook command, not Python. The recipe cell is also read outside "
            "of a notebook: move it to another cell."
        )
    return f"Line {error.lineno}: this is not valid Python ({error.msg}): {code[:120]}"
