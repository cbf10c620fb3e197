"""`TrainedScore`: trains the submitted recipe, and puts its score and report into the cell `trained_score`."""

from __future__ import annotations

import atexit
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from logging import Logger
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.converters import Autograde
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Dict, Float, Integer, Unicode
from traitlets.config import Config

from autograder import sandbox
from autograder.console import student_name
from autograder.grading.attempts import handed_in
from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.times import shown
from autograder.grading.unfinished import remove_mark
from autograder.nbgrader_plugins import report
from autograder.nbgrader_plugins.execute import score_output
from autograder.nbgrader_plugins.timezones import nbgrader_zone
from autograder.old_names import warn_once
from autograder.store import Store, counting_attempt, open_store
from autograder.store.engine import store_of_course
from autograder.store.records import Result
from autograder.workers.client import WorkerPool
from autograder.workers.messages import Progress, RunStarted
from course.errors import GraderError
from course.rules import Rules, load_rules
from course.training.results import EpochResult

TRAINED_CELL = "trained_score"  # its grade_id
_until_the_end = ExitStack()  # of this process
atexit.register(_until_the_end.close)


class TrainedScore(NbGraderPreprocessor):
    """Trains the submitted recipe with the grader's seeds; the cell `trained_score` gets its points and a report."""

    store = Unicode(
        "", help="Where results are stored: a file or postgresql://... Default: where the command `autograder` does."
    ).tag(config=True)
    device = Unicode("auto", help="auto (CUDA if there is a GPU), cpu or cuda.").tag(config=True)
    seeds = Integer(None, allow_none=True, help="Train at most this many seeds. Default: as the rules say.").tag(
        config=True
    )
    max_minutes = Float(
        Options.max_minutes, help="Refuse a run that, by its first steps, would take longer than this."
    ).tag(config=True)
    partial_credit = Float(
        0.0, help="The fraction of the points for a recipe that just misses the accuracy; 0: all points or none."
    ).tag(config=True)
    partial_from = Float(
        0.98, help="The held accuracy at which partial credit starts; from there it grows linearly to partial_credit."
    ).tag(config=True)
    reduced = Dict(
        {},
        help="Shortens trainings, to try out a course: epochs, train_images, test_images and, since a shortened "
        "training reaches less, accuracy and near. Such results are marked as not official.",
    ).tag(config=True)
    trust_submissions = Bool(False, help="Run recipes without isolation where none works.").tag(config=True)

    def _load_config(self, cfg: Config, **kwargs: Any) -> None:
        """Accept an old option under its new name, as nbgrader's own classes do."""
        if "cut" in cfg.TrainedScore:
            warn_once("Outdated nbgrader_config.py: write c.TrainedScore.reduced in place of c.TrainedScore.cut.")
            cfg.TrainedScore.setdefault("reduced", cfg.TrainedScore.pop("cut"))
        super()._load_config(cfg, **kwargs)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        remove_mark(nb)  # the file keeps it until nbgrader writes the graded notebook
        cell = next((c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == TRAINED_CELL), None)
        if cell is None:  # an assignment without a recipe
            return nb, resources
        names: dict[str, str] = resources["nbgrader"]  # of the student, the assignment and the notebook
        result = self._grade(names, self.options(names["assignment"]))
        cell.outputs = self._outputs(names["student"], result, points=float(cell.metadata.nbgrader.points))
        return nb, resources

    def options(self, assignment: str) -> Options:
        """How these settings grade an assignment. Raises UsageError."""
        return Options(
            assignment=assignment,
            device=self.device,
            seeds=self.seeds,
            max_minutes=self.max_minutes,
            trust_submissions=self.trust_submissions,
            reduced=ReducedRun.from_config(self.reduced) if self.reduced else None,
        )

    def _grade(self, names: dict[str, str], options: Options) -> Result:
        """Raises GraderError when the grader is at fault: nbgrader then leaves the old score."""
        student = names["student"]
        recipe_sandbox = _recipe_sandbox(sandbox.choose_tier(options.trust_submissions))
        coursedir = self._converter.coursedir
        url = store_of_course(self.store, Path(coursedir.root))
        with open_store(url, groupshared=coursedir.groupshared) as store:
            path = self._submitted_notebook(names)
            nbgrader_zone()
            if assumed := handed_in(path).assumed:
                self.log.warning("%s: %s", student, assumed)
            listener = _LogListener(self.log)
            result = grade(
                path,
                options,
                listener,
                recipe_sandbox,
                store=store,
                student=student,
                workers=_worker_pool(),
                reuse_verdict=not self._converter.force,
            )
            if result.verdict == "internal":
                raise GraderError(
                    f"The recipe of {student} could not be graded: {' '.join(result.reasons)} This is the grader's "
                    "fault and not the student's: the score stays as it was. Run `nbgrader autograde` again."
                )
            return _counting_result(store, result, student_name(student))

    def _outputs(self, student: str, result: Result, points: float) -> list[NotebookNode]:
        """The outputs of the trained cell: the report, the curves, and the score that nbgrader reads."""
        rules = self.rules(result.assignment)
        score = self.score(result, rules, points)
        self.log.info("%s: %s, %g of %g points. %s", student, result.verdict, score, points, result.reasons[0])
        texts = {"text/html": report.html(result, rules, score, points), "text/plain": report.text(result)}
        outputs = [new_output("display_data", data=texts)]
        if png := report.curves(result, rules):
            outputs.append(new_output("display_data", data={"image/png": b64encode(png).decode()}))
        return [*outputs, score_output(score)]

    def rules(self, assignment: str) -> Rules:
        """The assignment's rules as these settings change them. Raises UsageError."""
        rules = load_rules(assignment)
        return ReducedRun.from_config(self.reduced).rules(rules) if self.reduced else rules

    def score(self, result: report.Judged, rules: Rules, points: float) -> float:
        """What a result is worth of the cell's points."""
        return min(round(points * report.credit(result, rules, self.partial_credit, self.partial_from), 2), points)

    @property
    def _converter(self) -> Autograde:
        """What runs this preprocessor, as a part of its exporter."""
        converter: Autograde = self.parent.parent
        return converter

    def _submitted_notebook(self, names: dict[str, str]) -> Path:
        """The notebook as it was handed in."""
        course = self._converter.coursedir
        folder = course.format_path(course.submitted_directory, names["student"], names["assignment"])
        return Path(folder, f"{names['notebook']}.ipynb")


def _counting_result(store: Store, result: Result, student: str) -> Result:
    """The result of the attempt that counts, as for the leaderboard; its first reason says which one it is.

    `result` is that of the file at hand. As a rule it is the last attempt; of a file with an earlier time it is not.
    """
    rule = load_rules(result.assignment).attempts
    attempts = store.results.graded_attempts(result.assignment, student)
    counting = counting_attempt(attempts, rule)
    same = (counting.result.verdict, counting.result.reasons) == (result.verdict, result.reasons)
    if len(attempts) == 1 or (rule == "last" and same):
        return result
    time = f"{shown(counting.handed_in):%Y-%m-%d %H:%M %Z}"
    note = f"Your {rule} attempt counts: number {counting.number} of {counting.attempts}, handed in {time}."
    return replace(counting.result, reasons=(note, *counting.result.reasons))


@cache
def _recipe_sandbox(tier: sandbox.Tier) -> RecipeSandbox:
    """One for all submissions of this process, because it keeps PyTorch loaded."""
    return _until_the_end.enter_context(RecipeSandbox(tier, warm=True))


@cache
def _worker_pool() -> WorkerPool:
    """One for all runs of this process, for the same reason."""
    return _until_the_end.enter_context(WorkerPool(warm=True))


class _LogListener:
    """Writes the progress of a grading to nbgrader's log."""

    def __init__(self, log: Logger):
        self._log = log

    def stage(self, text: str) -> None:
        self._log.info("%s", text)

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        self._log.info("Training run %d (seed %d) on %s", number, seed, started.device)

    def progress(self, progress: Progress) -> None:
        """Single steps are too many for a log."""

    def epoch(self, result: EpochResult) -> None:
        from course.notebook import log_line

        self._log.info("Epoch %d. %s", result.epoch, log_line(result))
