"""`SandboxedExecute`: runs a submitted notebook in the sandbox, and decides what its test cells are worth."""

from __future__ import annotations

import ast
import math
from typing import Any

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

MAX_OUTPUT = 10_000_000  # characters that one notebook may print and display


class SandboxedExecute(Execute):
    """Runs the notebook in the sandbox. A test cell is worth what the grader's kernel replies, whatever is displayed.

    If the kernel dies, hangs or prints too much, the test cells that follow fail, and no others.
    """

    trust_submissions = Bool(
        False, help="Where bubblewrap does not work, run notebooks without isolation: with all your rights."
    ).tag(config=True)

    skip_cells_with_tag = ""  # a tag in the submission must not prevent a test from being run
    store_widget_state = False
    shutdown_kernel = "immediate"

    def __init__(self, *args: Any, **kwargs: Any):
        kwargs.setdefault("kernel_manager_class", SandboxedKernelManager)
        super().__init__(*args, **kwargs)
        self._assignment = ""
        self._reset()

    def _reset(self) -> None:
        self._stop_reason = ""  # why no more cells are run
        self._characters = 0  # printed and displayed so far
        self._reply: dict[str, Any] | None = None  # of the kernel, to the cell that was run last

    def _stop(self, reason: str) -> None:
        """Run no more cells. The first reason stays."""
        self._stop_reason = self._stop_reason or reason

    def __call__(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        if not self.enabled:
            raise UsageError(
                "--no-execute would take the points from outputs that students saved. Leave it out: nothing is trained "
                "in a notebook, so running one takes seconds."
            )
        result: tuple[NotebookNode, dict[str, Any]] = super().__call__(nb, resources)
        return result

    def create_kernel_manager(self) -> SandboxedKernelManager:
        has_bubblewrap = sandbox.best_tier() is sandbox.Tier.BUBBLEWRAP
        if not has_bubblewrap and not self.trust_submissions:
            raise UsageError(
                "Only bubblewrap can keep a notebook's kernel away from your files, and it does not work here: "
                f"{sandbox.tier_problem(sandbox.Tier.BUBBLEWRAP)} Grade on Linux with bubblewrap installed, or set "
                "c.SandboxedExecute.trust_submissions = True if you would run each notebook yourself."
            )
        manager: SandboxedKernelManager = super().create_kernel_manager()
        manager.sandboxed, manager.assignment = has_bubblewrap, self._assignment
        return manager

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any], km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        self._reset()
        self._assignment = resources.get("nbgrader", {}).get("assignment", "")
        try:
            result: tuple[NotebookNode, dict[str, Any]] = super().preprocess(nb, resources, km)
        except RuntimeError as error:  # the kernel did not start, so no code of the student's has run
            raise GraderError(f"The notebook's kernel did not start: {error}.") from error
        return result

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        source: str = cell.source
        reply: dict[str, Any] | None = None
        is_test = _is_test(cell)
        if is_test:
            cell.source = TEST + _to_plain_python(source)
        try:
            if not self._stop_reason:
                self._reply = None
                cell = self.execute_cell(cell, index, store_history=True)
                reply = self._reply
        except (DeadKernelError, CellTimeoutError) as error:
            self._stop(_describe_loss(error))
            cell.outputs.append(_error_output(_stopped_reply(self._stop_reason)))
        finally:
            cell.source = source
        if is_test:
            cell.outputs = _test_outputs(cell, reply or _stopped_reply(self._stop_reason))
        return cell, resources

    def on_cell_executed(self, **kwargs: Any) -> None:
        self._reply = kwargs["execute_reply"]["content"]
        super().on_cell_executed(**kwargs)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Count what the notebook prints and displays, and kill its kernel when that is too much."""
        if msg["msg_type"] != "status":
            self._characters += len(str(msg["content"]))
        if self._characters > MAX_OUTPUT:
            if not self._stop_reason:
                self._stop(
                    f"The notebook printed and displayed more than {MAX_OUTPUT / 1e6:.0f} MB, so it was stopped. "
                    "Remove the print in its loop."
                )
                self.km.provisioner.process.kill()
            return None
        output: NotebookNode | None = super().process_message(msg, cell, cell_index)
        return output


def _is_test(cell: NotebookNode) -> bool:
    """A code cell of the course's own that gives points."""
    graded = cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)
    return bool(graded and cell.source.strip())


def _to_plain_python(source: str) -> str:
    """A test cell without IPython's syntax, translated in this process, where no student's code can interfere."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        ast.parse(source)
    except SyntaxError:
        return TransformerManager().transform_cell(source)
    return source


def _describe_loss(error: Exception) -> str:
    if isinstance(error, DeadKernelError):
        return "The notebook's kernel died here, so this cell and those after it could not be run."
    return "A cell before this one did not end and could not be interrupted, so this one could not be run."


def _stopped_reply(reason: str) -> dict[str, Any]:
    return {"status": "error", "ename": "Stopped", "evalue": reason, "traceback": [reason]}


def _test_outputs(cell: NotebookNode, reply: dict[str, Any]) -> list[NotebookNode]:
    """The outputs from which nbgrader reads the points of a test cell: an error is 0, a number is itself, none is all.

    What the student's code printed stays, but as stdout: for text on stderr nbgrader would give 0 points.
    """
    printed = [output for output in cell.outputs if output.output_type in ("stream", "display_data")]
    for output in printed:
        if output.output_type == "stream":
            output.name = "stdout"
    points = float(cell.metadata.nbgrader.points)
    if reply.get("status") != "ok":
        return [_error_output(reply), *printed]
    if (value := reply.get("value")) is None:
        return printed
    score = number if math.isfinite(number := float(value)) else 0.0
    return [*printed, score_output(min(max(score, 0.0), points))]


def _error_output(reply: dict[str, Any]) -> NotebookNode:
    name, message = str(reply.get("ename", "")), str(reply.get("evalue", ""))
    lines = [str(line) for line in reply.get("traceback") or [message]]
    output: NotebookNode = new_output("error", ename=name, evalue=message, traceback=lines)
    return output


def score_output(score: float) -> NotebookNode:
    """The output from which nbgrader reads the score of a cell. It must be the plain text of a float."""
    output: NotebookNode = new_output("execute_result", data={"text/plain": repr(float(score))}, execution_count=None)
    return output
