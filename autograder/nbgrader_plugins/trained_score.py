"""`TrainedScore`: trains the submitted recipe, and puts score and report into the cell `trained_score`."""

from __future__ import annotations

import atexit
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Dict, Float, Integer, Unicode

from autograder import sandbox
from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.nbgrader_plugins import report
from autograder.nbgrader_plugins.execute import score_output
from autograder.store import open_store
from course.errors import GraderError

TRAINED = "trained_score"
Resources = dict[str, Any]


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
            reduced=ReducedRun(**self.cut) if self.cut else None,
        )
        recipe_sandbox = _recipe_sandbox(sandbox.choose_tier(self.trust_submissions))
        with open_store(self.store or None) as store:
            path, student = self._submitted(place), place["student"]
            result = grade(path, options, _Log(self.log), recipe_sandbox, store=store, student=student)
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
        cell.outputs = [new_output("display_data", data=shown), *pictures, score_output(min(score, points))]
        return nb, resources

    def _submitted(self, place: dict) -> Path:
        """The notebook as it was handed in."""
        course = self.parent.parent.coursedir
        folder = course.format_path(course.submitted_directory, place["student"], place["assignment"])
        return Path(folder, f"{place['notebook']}.ipynb")


@cache
def _recipe_sandbox(tier: sandbox.Tier) -> RecipeSandbox:
    """One for all submissions of this process: it keeps PyTorch loaded."""
    recipe_sandbox = RecipeSandbox(tier, warm=True)
    atexit.register(recipe_sandbox.__exit__)
    return recipe_sandbox


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
