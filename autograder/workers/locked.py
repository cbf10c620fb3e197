"""What runs inside the sandbox: a student's recipe, once, to its spec; or a spec, untrained, to its inspection.

Each request has a locked process of its own. What it prints is not to be believed.
"""

from __future__ import annotations

import contextlib
import json
import linecache
import os
import sys
import tempfile
import types
from dataclasses import asdict

import matplotlib
from torch import nn

from autograder.messages import Answer, CaptureRequest, InspectRequest, locked_request
from autograder.sandbox import is_out_of_memory, lockdown
from course.capture import capture
from course.capture.graph import export, student_line
from course.errors import RecipeError, StudentCodeError
from course.inspection import inspect
from course.recipe import Recipe
from course.spec import Spec

FILENAME = "recipe"

# torch.export loads 400 modules with its first use: that is now, so that all children of a nursery share them
export(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.Dropout()), training=True)


def main() -> None:
    _settle_matplotlib()
    lockdown()
    answer_to = _own_stdout()
    answer = answer_for(locked_request(sys.stdin.buffer.read()))
    with os.fdopen(answer_to, "wb") as out:
        out.write(answer.line())
    os._exit(0)  # whatever the student left to run at exit does not


def answer_for(request: CaptureRequest | InspectRequest) -> Answer:
    """The spec or the inspection, or the sentence that says why there is none."""
    try:
        if isinstance(request, CaptureRequest):
            return Answer(kind="spec", text=capture(run_recipe(request.source)).to_json())
        return Answer(kind="inspection", text=json.dumps(asdict(inspect(Spec.from_json(request.spec)))))
    except RecipeError as error:
        return Answer(kind="refused", text=str(error))
    except StudentCodeError as error:
        return Answer(kind="error", text=str(error))


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


def _settle_matplotlib() -> None:
    """Many recipes import it, and it asks for a folder to write to: once, so it can have one until the lock."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MPLCONFIGDIR": folder, "MPLBACKEND": "agg"}
        matplotlib.get_configdir()
        matplotlib.get_cachedir()


def _own_stdout() -> int:
    """Keep stdout for the answer alone: what the student prints goes to stderr."""
    kept = os.dup(1)
    os.dup2(2, 1)
    with contextlib.suppress(ValueError):
        sys.stdout.reconfigure(line_buffering=True)
    return kept


if __name__ == "__main__":
    main()
