"""Submissions graded in full by the grader's own processes, with and without their start."""

from __future__ import annotations

import time
from functools import partial

from autograder import sandbox
from autograder.bench.gpu.setting import ASSIGNMENTS, Setting
from autograder.bench.gpu.stages import OutOfTime, Results, Task
from autograder.grading.options import Options
from autograder.grading.pipeline import grade
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.workers.messages import Progress, RunStarted
from course.training.results import EpochResult


def graded(setting: Setting) -> list[Task]:
    """The challenge first, then the lessons; where bubblewrap is missing, in the best tier that works."""
    return [(assignment, partial(grade_solution, setting, assignment)) for assignment in ASSIGNMENTS]


def grade_solution(setting: Setting, assignment: str) -> Results:
    options = Options(
        assignment, device=setting.device.type, reduced=setting.size.reduced, trust_submissions=True, max_minutes=1e6
    )
    watch = StopWatch(setting)
    began = time.monotonic()
    with RecipeSandbox(sandbox.choose_tier(trust_submissions=True)) as recipe_sandbox:
        result = grade(setting.solution(assignment), options, watch, recipe_sandbox)
    return {
        "verdict": result.verdict,
        "seconds": round(time.monotonic() - began, 2),
        "seconds of each run": [run.seconds for run in result.runs],
        "of it after the start of its process": [round(seconds, 2) for seconds in watch.training],
        "held": [max(run.correct, default=0) for run in result.runs],
        "isolation": result.isolation,
        "reasons": list(result.reasons),
        "remarks": watch.remarks,
    }


class StopWatch:
    """Notes when trainings start and end. Ends a grading that is out of time, which goes on from there next time."""

    def __init__(self, setting: Setting):
        self._setting = setting
        self._started = 0.0
        self.training: list[float] = []  # seconds from the trainer's first message to its last epoch, of each run
        self.remarks: list[str] = []

    def stage(self, text: str) -> None:
        self.remarks.append(text)

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        self._started = time.monotonic()
        self.training.append(0.0)

    def progress(self, progress: Progress) -> None:
        if self._setting.seconds_left < 0:
            raise OutOfTime(f"in epoch {progress.epoch}; the same command goes on from there")

    def epoch(self, result: EpochResult) -> None:
        self.training[-1] = time.monotonic() - self._started
