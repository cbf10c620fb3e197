"""A recipe's source -> the Recipe that it assigns to `recipe`. It runs alone, without the notebook's other cells.

The grader does this in its sandbox, `check_submission` in the notebook itself.
"""

from __future__ import annotations

import linecache
import sys
import traceback
import types

from course.capture.source_lines import student_line
from course.errors import RecipeError, StudentCodeError, error_text, is_out_of_memory
from course.files import unwritable_text
from course.recipe import Recipe, require_recipe

FILENAME = "recipe"


def run_recipe(source: str) -> Recipe:
    """Execute the source and return its `recipe`. Raises StudentCodeError, RecipeError."""
    if problem := unwritable_text(source):
        raise StudentCodeError(problem)
    # tracebacks and torch.export look up the source's lines here
    linecache.cache[FILENAME] = (len(source), None, source.splitlines(keepends=True), FILENAME)
    module = sys.modules[FILENAME] = types.ModuleType(FILENAME)  # dataclasses look up their module there
    namespace = vars(module)
    try:
        code = compile(source, FILENAME, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise StudentCodeError(_describe_syntax_error(error)) from None
    except (MemoryError, RecursionError) as error:  # too deep for Python's parser, whatever memory there is
        raise StudentCodeError(f"The recipe is nested too deeply for Python ({type(error).__name__}).") from None
    try:
        exec(code, namespace)
    except RecipeError as error:
        raise RecipeError(error.message, student_line(error)[0] if error.line is None else error.line) from None
    except BaseException as error:  # SystemExit and KeyboardInterrupt come from the student's code as well
        if is_out_of_memory(error):
            raise
        line, text = student_line(error)
        where = f"Line {line} ({text}): " if line else ""
        first_line = (error_text(error).strip() or "no message").splitlines()[0][:300].rstrip(":")
        raise StudentCodeError(f"{where}{type(error).__name__}: {first_line}{_advice(error)}") from None
    if "recipe" not in namespace:
        raise StudentCodeError("The recipe cell does not bind the name `recipe`. End it with recipe = Recipe(...).")
    return require_recipe(namespace["recipe"])


def _advice(error: BaseException) -> str:
    """What to do about an error of the recipe's own lines, as a further sentence; "" where that is not known."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if any("torchvision/datasets" in file.replace("\\", "/") for file in files):
        return ". A recipe needs no data: the grader has MNIST. Leave datasets and loaders out of its cell."
    if issubclass(type(error), ModuleNotFoundError):  # an exception of a student may lie about its class
        return ". Write the recipe with torch, torchvision and course: other packages need not be on the grader."
    return ""


def _describe_syntax_error(error: SyntaxError) -> str:
    code = (error.text or "").strip()
    if code.startswith(("%", "!")):
        return (
            f"Line {error.lineno}: {code[:80]} is a notebook command, not Python. The recipe cell also runs outside "
            "of a notebook: move the command to another cell."
        )
    return f"Line {error.lineno}: this is not valid Python ({error.msg}): {code[:120]}"
