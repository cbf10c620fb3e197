"""The kernel that runs a submitted notebook: `python -m autograder.workers.notebook_kernel FOLDER sandboxed|trusted`.

It is ipykernel's kernel with two differences. If sandboxed, it locks itself down before it listens. And the grader's
own code runs a test cell, as plain Python: changes that a notebook makes to IPython (transformers, hooks, displays) or
to the names of built-ins do not affect it, and its result is sent in the reply only.

The tests share this process with the student's code. Code that is written against this very module can change it and
so forge the points of a test cell, though never those of the trained cell, which this process does not compute.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import math
import numbers
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

from autograder.sandbox import Limits, lockdown_notebook_kernel

CONNECTION, FILES = "kernel.json", "files"  # in FOLDER: Jupyter's connection file, and files that were handed in
SCRATCH = "/tmp/scratch"  # the only folder that it can write to, in memory; it disappears with the process
SCRATCH_SIZE = 256 * 2**20  # bytes
LIMITS = Limits(seconds=600, open_files=1024, threads=32)
TEST = "# a test cell, run as plain Python by the grader\n"  # the first line of a test cell that is sent here
_BUILTINS = dict(vars(builtins))


def main() -> None:
    folder, sandboxed = Path(sys.argv[1]), sys.argv[2] == "sandboxed"
    work = Path(SCRATCH, "work") if sandboxed else folder / "work"
    work.mkdir(parents=True)
    shutil.copytree(folder / FILES, work, dirs_exist_ok=True)
    if sandboxed:
        # ipykernel takes a child of process 1 for an orphan and ends; in a PID namespace every process is one
        os.environ.pop("JPY_PARENT_PID", None)
        os.environ |= {"HOME": SCRATCH, "TMPDIR": SCRATCH, "IPYTHONDIR": f"{SCRATCH}/.ipython"}
        startup = Path(SCRATCH, ".ipython", "profile_default", "startup")
        startup.mkdir(parents=True)
        startup.joinpath("README").touch()  # IPython would copy one, with a system call that is refused by then
        lockdown_notebook_kernel(LIMITS, scratch=SCRATCH, sockets=str(folder), file_size=SCRATCH_SIZE)
    _serve(folder / CONNECTION, work)


def _serve(connection: Path, work: Path) -> None:
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp

    class GradingKernel(IPythonKernel):
        async def do_execute(self, code: str, silent: bool, *rest: Any, **options: Any) -> dict[str, Any]:
            if not code.startswith(TEST):
                reply: dict[str, Any] = await super().do_execute(code, silent, *rest, **options)
                return reply
            assert self.shell is not None  # an initialized kernel has one
            return {
                "execution_count": self.execution_count,
                "user_expressions": {},
                **run_test(code, self.shell.user_ns),
            }

    app = IPKernelApp.instance(kernel_class=GradingKernel)
    app.initialize([f"--f={connection}", "--HistoryManager.hist_file=:memory:"])
    os.chdir(work)
    sys.path.insert(0, "")  # the notebook, not this module, may import the files next to it
    app.start()


def run_test(code: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """Run a test cell in the notebook's namespace, without what the notebook has put in place of built-ins.

    Returns a Jupyter reply. Its `value` is that of the cell's last line: None, or a number of points as text; any
    other value is an error.
    """
    names = {name: value for name, value in namespace.items() if name not in _BUILTINS or name[:2] == "__"}
    names["__builtins__"] = dict(_BUILTINS)
    try:
        *body, last = ast.parse(code).body or [ast.Pass()]
        expression = last.value if isinstance(last, ast.Expr) else None
        statements = ast.Module([*body, last] if expression is None else body, type_ignores=[])
        exec(compile(ast.fix_missing_locations(statements), "test", "exec", dont_inherit=True), names)
        value = None
        if expression is not None:
            value = _points(eval(compile(ast.Expression(expression), "test", "eval", dont_inherit=True), names))
    except BaseException as error:  # exits and interrupts in the student's code fail the test too
        return {"status": "error", **_describe_error(error, code)}
    finally:
        del names["__builtins__"]
        namespace.update(names)
    return {"status": "ok", "payload": [], "value": value}


def _points(value: object) -> str | None:
    """A number of points as text, None for None. Raises ValueError for any other value."""
    if value is None:
        return None
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError, ValueError, OverflowError, RuntimeError):
            number = float(value) if isinstance(value, numbers.Real) or hasattr(value, "__float__") else math.nan
            if math.isfinite(number) and number >= 0:
                return repr(number)
    raise ValueError(
        f"This test ended in {_describe(value)}, which is not a number of points. "
        "A test either asserts something or ends in a number of points."
    )


def _describe(value: object) -> str:
    """The type and the beginning of the text of any object, even of one whose `__str__` fails."""
    try:
        return f"{type(value).__name__} {str(value)[:80]!r}"
    except BaseException:
        return type(value).__name__


def _describe_error(error: BaseException, code: str) -> dict[str, Any]:
    """An error as part of a Jupyter reply: the test's line, then what was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "test" and frame.lineno]
    # the first line of the code is TEST, which the student does not see
    where = [f"Line {lines[-1] - 1}: {code.splitlines()[lines[-1] - 1].strip()}"] if lines else []
    message = [line.rstrip("\n")[:2000] for line in traceback.format_exception_only(error)][-20:]
    return {"ename": type(error).__name__, "evalue": _describe(error), "traceback": [*where, *message]}


if __name__ == "__main__":
    main()
