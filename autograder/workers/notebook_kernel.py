"""The kernel that runs a submitted notebook: `python -m autograder.workers.notebook_kernel FOLDER sandboxed|trusted`.

It is ipykernel's, with two differences. Behind the wall it shuts itself in before it listens. And a test cell is run as
plain Python by code of ours: what a notebook does to IPython (transformers, hooks, displays) or to the names of
built-ins does not reach it, and what comes of it travels in the reply alone.

The tests do share this process with the student's code. Who writes against this very module can reach into it, and so
forge the points of a test cell, though never those of the trained cell, which are not made here.
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

from autograder.sandbox import Limits, lockdown_notebook_kernel

CONNECTION, FILES = "kernel.json", "files"  # in FOLDER: how to talk to the kernel, and what was handed in beside it
SCRATCH = "/tmp/scratch"  # all it can write to, and gone with it
SCRATCH_SIZE = 256 * 2**20  # bytes
LIMITS = Limits(seconds=600, open_files=1024, threads=32)
TEST = "# a test cell, run as plain Python by the grader\n"  # how such a cell begins when it is sent here
_BUILTINS = dict(vars(builtins))


def main() -> None:
    folder, sandboxed = Path(sys.argv[1]), sys.argv[2] == "sandboxed"
    work = Path(SCRATCH, "work") if sandboxed else folder / "work"
    work.mkdir(parents=True)
    shutil.copytree(folder / FILES, work, dirs_exist_ok=True)
    if sandboxed:
        # in a world of its own every process is a child of process 1, by which ipykernel knows an orphan
        os.environ.pop("JPY_PARENT_PID", None)
        os.environ |= {"HOME": SCRATCH, "TMPDIR": SCRATCH, "IPYTHONDIR": f"{SCRATCH}/.ipython"}
        startup = Path(SCRATCH, ".ipython", "profile_default", "startup")
        startup.mkdir(parents=True)
        startup.joinpath("README").touch()  # IPython would copy one, with a call that the lock refuses
        lockdown_notebook_kernel(LIMITS, scratch=SCRATCH, sockets=str(folder), file_size=SCRATCH_SIZE)
    _serve(folder / CONNECTION, work)


def _serve(connection: Path, work: Path) -> None:
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp

    class GradingKernel(IPythonKernel):
        async def do_execute(self, code, silent, *rest, **options):
            if not code.startswith(TEST):
                return await super().do_execute(code, silent, *rest, **options)
            return {
                "execution_count": self.execution_count,
                "user_expressions": {},
                **run_test(code, self.shell.user_ns),
            }

    app = IPKernelApp.instance(kernel_class=GradingKernel)
    app.initialize([f"--f={connection}", "--HistoryManager.hist_file=:memory:"])
    os.chdir(work)
    sys.path.insert(0, "")  # what lies beside the notebook can be imported, by the notebook and not by us
    app.start()


def run_test(code: str, namespace: dict) -> dict:
    """Run a test cell in the notebook's namespace, whose names for built-ins do not count.

    `value` is what its last line gives as a string that reads as a number, or None; anything else is an error.
    """
    names = {name: value for name, value in namespace.items() if name not in _BUILTINS or name[:2] == "__"}
    names["__builtins__"] = dict(_BUILTINS)
    try:
        *body, last = ast.parse(code).body or [ast.Pass()]
        ends_in_value = isinstance(last, ast.Expr)
        whole = ast.Module(body if ends_in_value else [*body, last], type_ignores=[])
        exec(compile(ast.fix_missing_locations(whole), "test", "exec", dont_inherit=True), names)
        value = None
        if ends_in_value:
            value = _points(eval(compile(ast.Expression(last.value), "test", "eval", dont_inherit=True), names))
    except BaseException as error:  # whatever a student's code raises, exits and interrupts too, fails the test
        return {"status": "error", **_in_words(error, code)}
    finally:
        del names["__builtins__"]
        namespace.update(names)
    return {"status": "ok", "payload": [], "value": value}


def _points(value: object) -> str | None:
    """A number as text, None for None. Raises ValueError for what is not a number of points."""
    if value is None:
        return None
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError, ValueError, OverflowError, RuntimeError):
            number = float(value) if isinstance(value, numbers.Real) or hasattr(value, "__float__") else math.nan
            if math.isfinite(number) and number >= 0:
                return repr(number)
    raise ValueError(
        f"This test ended in {_shown(value)}, which is not a number of points. A test either asserts, or ends in one."
    )


def _shown(value: object) -> str:
    try:
        return f"{type(value).__name__} {str(value)[:80]!r}"
    except BaseException:
        return type(value).__name__


def _in_words(error: BaseException, code: str) -> dict:
    """An error as a reply says it: the test's line, then what was raised."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "test"]
    where = [f"Line {lines[-1] - 1}: {code.splitlines()[lines[-1] - 1].strip()}"] if lines else []
    said = [line.rstrip("\n")[:2000] for line in traceback.format_exception_only(error)][-20:]
    return {"ename": type(error).__name__, "evalue": _shown(error), "traceback": [*where, *said]}


if __name__ == "__main__":
    main()
