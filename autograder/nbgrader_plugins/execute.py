"""`SandboxedExecute`: runs a submitted notebook in the sandbox, and decides what its test cells are worth."""

from __future__ import annotations

import ast
import math
from typing import Any

from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute
from traitlets import Bool

from autograder import sandbox
from autograder.nbgrader_plugins.kernel_manager import SandboxedKernelManager
from autograder.workers.notebook_kernel import TEST
from course.errors import GraderError, UsageError

MAX_OUTPUT = 10_000_000  # bytes that one notebook may print and show
Resources = dict[str, Any]


def is_test(cell: NotebookNode) -> bool:
    """A cell of ours whose outcome is points."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


class SandboxedExecute(Execute):
    """Runs the notebook behind the wall. A test cell is worth what our kernel answers, whatever else is displayed.

    A kernel that dies, hangs or floods fails the test cells that are left, and no others.
    """

    trust_submissions = Bool(
        False, help="Run notebooks without isolation where bubblewrap does not work: with all your rights."
    ).tag(config=True)

    skip_cells_with_tag = ""  # a tag in the submission must not keep a test from being run
    store_widget_state = False
    shutdown_kernel = "immediate"

    def __init__(self, *args: Any, **kwargs: Any):
        kwargs.setdefault("kernel_manager_class", SandboxedKernelManager)
        super().__init__(*args, **kwargs)

    def __call__(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        if not self.enabled:
            raise UsageError(
                "--no-execute would take the points from outputs that students saved. Leave it out: nothing is trained "
                "in a notebook, so running one takes seconds."
            )
        return super().__call__(nb, resources)

    def create_kernel_manager(self) -> KernelManager:
        works = sandbox.best_tier() is sandbox.Tier.BUBBLEWRAP
        if not works and not self.trust_submissions:
            raise UsageError(
                "A notebook's kernel can be kept from your files by bubblewrap alone, which does not work here: "
                f"{sandbox.tier_problem(sandbox.Tier.BUBBLEWRAP)} Grade on Linux with bubblewrap installed, or set "
                "c.SandboxedExecute.trust_submissions = True if you would run each notebook yourself."
            )
        manager = super().create_kernel_manager()
        manager.sandboxed = works
        return manager

    def preprocess(self, nb: NotebookNode, resources: Resources, km: Any = None) -> tuple[NotebookNode, Resources]:
        self._over, self._shown, self._reply = "", 0, None
        try:
            return super().preprocess(nb, resources, km)
        except RuntimeError as error:  # it did not start: nothing of the student's has run
            raise GraderError(f"The notebook's kernel did not start: {error}.") from error

    def preprocess_cell(self, cell: NotebookNode, resources: Resources, index: int) -> tuple[NotebookNode, Resources]:
        source, reply = cell.source, None
        test = is_test(cell) and bool(source.strip())
        if test:
            cell.source = TEST + _plain(source)
        try:
            if not self._over:
                self._reply = None
                cell = self.execute_cell(cell, index, store_history=True)
                reply = self._reply
        except (DeadKernelError, CellTimeoutError) as error:
            self._over = self._over or _ending(error)
            cell.outputs.append(_error(_stopped(self._over)))
        finally:
            cell.source = source
        if test:
            cell.outputs = _outcome(cell, reply or _stopped(self._over))
        return cell, resources

    def on_cell_executed(self, **kwargs: Any) -> None:
        self._reply = kwargs["execute_reply"]["content"]
        super().on_cell_executed(**kwargs)

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Keep the tally of what the notebook shows; one that shows too much has its kernel ended."""
        self._shown += len(str(msg["content"])) if msg["msg_type"] != "status" else 0
        if self._shown > MAX_OUTPUT:
            if not self._over:
                self._over = (
                    f"The notebook printed and showed more than {MAX_OUTPUT / 1e6:.0f} MB, so it was ended there. "
                    "Remove the print in its loop."
                )
                self.km.provisioner.process.kill()
            return None
        return super().process_message(msg, cell, cell_index)


def _plain(source: str) -> str:
    """A test cell as plain Python; what IPython adds to the language is translated here, out of a student's reach."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        ast.parse(source)
    except SyntaxError:
        return TransformerManager().transform_cell(source)
    return source


def _ending(error: Exception) -> str:
    if isinstance(error, DeadKernelError):
        return "The notebook's kernel died here, so this cell and those after it could not be run."
    return "A cell before this one did not end and could not be interrupted, so this one could not be run."


def _stopped(why: str) -> dict:
    return {"status": "error", "ename": "Stopped", "evalue": why, "traceback": [why]}


def _outcome(cell: NotebookNode, reply: dict) -> list[NotebookNode]:
    """The outputs of a test cell, from which nbgrader reads the points: an error, a number, or neither for all of them.

    What a student's code displays stays, but as text beside it: a warning on stderr would cost all points.
    """
    kept = [output for output in cell.outputs if output.output_type in ("stream", "display_data")]
    for output in kept:
        if output.output_type == "stream":
            output.name = "stdout"
    points = float(cell.metadata.nbgrader.points)
    if reply.get("status") != "ok":
        return [_error(reply), *kept]
    if (value := reply.get("value")) is None:
        return kept
    score = number if math.isfinite(number := float(value)) else 0.0
    return [*kept, score_output(min(max(score, 0.0), points))]


def _error(reply: dict) -> NotebookNode:
    words = {key: str(reply.get(key, "")) for key in ("ename", "evalue")}
    return new_output("error", traceback=[str(line) for line in reply.get("traceback") or [words["evalue"]]], **words)


def score_output(score: float) -> NotebookNode:
    return new_output("execute_result", data={"text/plain": repr(float(score))}, execution_count=None)
