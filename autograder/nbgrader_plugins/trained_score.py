"""What puts the grader into `nbgrader autograde` and formgrader; `nbgrader_config.py` names these classes.

    sanitizing   RestoreCells      the gradebook decides which cells count, and what is in the locked ones
    grading      SandboxedExecute  runs the notebook behind the wall, and reads its test cells without believing it
                 TrainedScore      trains the recipe, and puts score and report into the cell `trained_score`

A student's fault is a score, with its reason in the report. A fault of ours raises: nbgrader then records nothing, and
the score that was there stays.
"""

from __future__ import annotations

import ast
import atexit
import math
from base64 import b64encode
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, OverwriteCells
from traitlets import Bool, Dict, Float, Integer, Unicode

from autograder import sandbox
from autograder.grading.pipeline import Cut, Options, grade
from autograder.grading.recipe_sandbox import Intake
from autograder.nbgrader_plugins import report
from autograder.nbgrader_plugins.kernel_manager import SandboxedKernelManager
from autograder.store import open_store
from autograder.workers.notebook_kernel import TEST
from course.errors import GraderError, UsageError

TRAINED = "trained_score"
MAX_OUTPUT = 10_000_000  # bytes that one notebook may print and show
Resources = dict[str, Any]


def is_test(cell: NotebookNode) -> bool:
    """A cell of ours whose outcome is points."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


class RestoreCells(OverwriteCells):
    """Gives each cell what the gradebook says of it, whatever was done to the notebook's metadata.

    Locked cells are put back as they were released; missing ones return to their place; of a cell that is there twice
    the last one counts. What the gradebook does not know is an ordinary cell.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        place = resources["nbgrader"]
        with Gradebook(place["db_url"]) as gradebook:
            known = _Known(gradebook.find_notebook(place["notebook"], place["assignment"]))
            cells: list[NotebookNode] = []
            at: dict[str, int] = {}  # name -> index in `cells`
            for cell in nb.cells:
                given = cell.metadata.pop("nbgrader", None)
                name = given.get("grade_id") if isinstance(given, dict) else None
                if isinstance(name, str) and name in known.sources:
                    if name in at:
                        self.log.warning("Cell %r is there twice: the last one counts", name)
                        cells[at[name]].metadata.pop("nbgrader")
                    at[name] = len(cells)
                    cell = known.restored(name, cell)
                cells.append(cell)
            for name in reversed(known.graded()):
                if name not in at:
                    self.log.warning("Cell %r is missing from the submission: put back", name)
                    where = known.place(name, at, len(cells))
                    cells.insert(where, self._returned(known, name))
                    at = {other: i + (i >= where) for other, i in at.items()} | {name: where}
            nb.cells = cells
        return nb, resources

    def _returned(self, known: _Known, name: str) -> NotebookNode:
        notice = self.missing_cell_notification.format(cell_id=name)
        source = known.sources[name]
        text = f"# {notice}" if source.cell_type == "code" else notice
        return known.made(name, text + source.source)


class _Known:
    """What the gradebook knows of a notebook's cells, by name, in the notebook's order."""

    def __init__(self, notebook: Any):
        self.sources = {cell.name: cell for cell in notebook.source_cells}
        self._grade = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
        self._tasks = {cell.name: float(cell.max_score) for cell in notebook.task_cells}
        self._solutions = {cell.name for cell in notebook.solution_cells}

    def graded(self) -> list[str]:
        return [name for name in self.sources if name in self._grade or name in self._tasks]

    def place(self, name: str, at: dict[str, int], end: int) -> int:
        """Where a missing cell goes: behind the nearest one before it that is there, or before the nearest after it."""
        names = list(self.sources)
        here = names.index(name)
        before = (at[other] + 1 for other in reversed(names[:here]) if other in at)
        after = (at[other] for other in names[here:] if other in at)
        return next(chain(before, after, [end]))

    def restored(self, name: str, cell: NotebookNode) -> NotebookNode:
        source = self.sources[name]
        return self.made(name, source.source if source.locked else cell.source, cell.get("id"))

    def made(self, name: str, text: str, cell_id: str | None = None) -> NotebookNode:
        source = self.sources[name]
        metadata = {
            "schema_version": 3,
            "grade_id": name,
            "grade": name in self._grade,
            "solution": name in self._solutions,
            "task": name in self._tasks,
            "locked": bool(source.locked),
            "checksum": source.checksum,
            "cell_type": source.cell_type,
        }
        if points := {**self._grade, **self._tasks}.get(name):
            metadata["points"] = points
        elif metadata["grade"] or metadata["task"]:
            metadata["points"] = 0.0
        new = new_code_cell if source.cell_type == "code" else new_markdown_cell
        cell = new(text, metadata={"nbgrader": metadata})
        return cell if cell_id is None else NotebookNode(cell, id=cell_id)


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
        works = sandbox.probe() is sandbox.Tier.BUBBLEWRAP
        if not works and not self.trust_submissions:
            raise UsageError(
                "A notebook's kernel can be kept from your files by bubblewrap alone, which does not work here: "
                f"{sandbox.fault(sandbox.Tier.BUBBLEWRAP)} Grade on Linux with bubblewrap installed, or set "
                "c.SandboxedExecute.trust_submissions = True if you would run each notebook yourself."
            )
        manager = super().create_kernel_manager()
        manager.walled = works
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
    return [*kept, _score(min(max(score, 0.0), points))]


def _error(reply: dict) -> NotebookNode:
    words = {key: str(reply.get(key, "")) for key in ("ename", "evalue")}
    return new_output("error", traceback=[str(line) for line in reply.get("traceback") or [words["evalue"]]], **words)


def _score(score: float) -> NotebookNode:
    return new_output("execute_result", data={"text/plain": repr(float(score))}, execution_count=None)


class TrainedScore(NbGraderPreprocessor):
    """Trains the submitted recipe under the grader's seeds; the cell `trained_score` gets its points and a report."""

    store = Unicode("", help="Where results are kept: a file, or postgresql://... Default: as `autograder` does.").tag(
        config=True
    )
    device = Unicode("auto", help="auto (CUDA where there is one), cpu or cuda.").tag(config=True)
    seeds = Integer(None, allow_none=True, help="Train at most so many seeds. Default: as the rules say.").tag(
        config=True
    )
    partial_credit = Float(
        0.0, help="Of the points, the share that a recipe gets which just misses the accuracy: 0 for all or nothing."
    ).tag(config=True)
    partial_from = Float(
        0.98, help="The held accuracy at which partial credit begins; from there it grows evenly to `partial_credit`."
    ).tag(config=True)
    cut = Dict(
        {},
        help="Shortens trainings, to try out a course: epochs, train_images, test_images, and, since a shortened "
        "training holds less, accuracy and near. Such results are marked as not official.",
    ).tag(config=True)
    trust_submissions = Bool(False, help="Capture recipes without isolation where none works.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        cell = next((c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == TRAINED), None)
        if cell is None:  # an assignment without a recipe
            return nb, resources
        place = resources["nbgrader"]
        options = Options(
            assignment=place["assignment"],
            device=self.device,
            seeds=self.seeds,
            trust_submissions=self.trust_submissions,
            cut=Cut(**self.cut) if self.cut else None,
        )
        intake = _intake(sandbox.choose_tier(self.trust_submissions))
        with open_store(self.store or None) as store:
            path, student = self._submitted(place), place["student"]
            result = grade(path, options, _Log(self.log), intake, store=store, student=student)
        if result.verdict == "internal":
            raise GraderError(
                f"The recipe of {place['student']} could not be graded: {' '.join(result.reasons)} That is our fault "
                "and not the student's: the score stays as it was. Run `nbgrader autograde` again."
            )
        points = float(cell.metadata.nbgrader.points)
        share = report.share(result, options, self.partial_credit, self.partial_from)
        score = round(points * share, 2)
        self.log.info("%s: %s, %g of %g points. %s", place["student"], result.verdict, score, points, result.reasons[0])
        shown = {"text/html": report.html(result, options, score, points), "text/plain": report.text(result)}
        pictures = [
            new_output("display_data", data={"image/png": b64encode(png).decode()})
            for png in report.pictures(result, options)
        ]
        cell.outputs = [new_output("display_data", data=shown), *pictures, _score(min(score, points))]
        return nb, resources

    def _submitted(self, place: dict) -> Path:
        """The notebook as it was handed in."""
        course = self.parent.parent.coursedir
        folder = course.format_path(course.submitted_directory, place["student"], place["assignment"])
        return Path(folder, f"{place['notebook']}.ipynb")


@cache
def _intake(tier: sandbox.Tier) -> Intake:
    """One for all submissions of this process: it keeps PyTorch loaded."""
    intake = Intake(tier, warm=True)
    atexit.register(intake.__exit__)
    return intake


class _Log:
    """Tells nbgrader's log how far a training is."""

    def __init__(self, log: Any):
        self._log = log

    def stage(self, text: str) -> None:
        self._log.info("%s", text)

    def run_started(self, number: int, seed: int, started: Any) -> None:
        self._log.info("Training run %d (seed %d) on %s", number, seed, started.device)

    def progress(self, progress: Any) -> None:
        """Steps are too many for a log."""

    def epoch(self, result: Any) -> None:
        from course.notebook import log_line

        self._log.info("Epoch %d. %s", result.epoch, log_line(result))
