"""Answers to the exercises as students write them, and lessons in which they are graded without a kernel for each.

An exercise is a solution cell in source/, directly followed by the test cell `test_<exercise>`. Answers to it lie in
tests/exercises/<lesson>/<exercise>/: `right_<style>.py` and `wrong_<misconception>.py`, each the whole of that cell. A
wrong one starts with the line `# hint: ...`: text that the failing test must print.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
import torch
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import determine_grade, is_grade, is_solution
from traitlets.config import Config

from autograder.authoring.lessons import ROOT
from autograder.gradebook.new_course.lessons import notebook_path
from autograder.grading.read_submission import RECIPE_CELL

ANSWERS_FOLDER = ROOT / "tests" / "exercises"
HINT = "# hint: "


@dataclass(frozen=True)
class Exercise:
    """The solution cell `name` of a lesson; the cell after it tests it for `points`."""

    lesson: str
    name: str
    points: float

    @property
    def test_name(self) -> str:
        return f"test_{self.name}"

    def answers(self) -> list[Answer]:
        return [Answer(self, path) for path in sorted((ANSWERS_FOLDER / self.lesson / self.name).glob("*.py"))]

    def __str__(self) -> str:
        return f"{self.lesson}/{self.name}"


@dataclass(frozen=True)
class Answer:
    """A file with what a student wrote into the solution cell."""

    exercise: Exercise
    path: Path

    @property
    def is_right(self) -> bool:
        return self.path.stem.startswith("right_")

    @property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def hint(self) -> str | None:
        """Text that the test must print about this wrong answer; None where the file has none."""
        first_line = self.source.partition("\n")[0]
        return first_line.removeprefix(HINT).strip() if first_line.startswith(HINT) else None

    def __str__(self) -> str:
        return f"{self.exercise}/{self.path.stem}"


@dataclass(frozen=True)
class Grade:
    """nbgrader's score for an answer, and everything that the test cell printed or raised."""

    score: float
    points: float
    output: str

    @property
    def is_full(self) -> bool:
        return self.score == self.points


def read_notebook(step: str, lesson: str) -> NotebookNode:
    """The notebook of a lesson; `step` is nbgrader's folder, "source" or "release"."""
    return nbformat.read(notebook_path(ROOT, step, lesson), as_version=4)


@functools.cache
def exercises(lesson: str) -> tuple[Exercise, ...]:
    """The exercises of a lesson in their order. Raises AssertionError for a solution cell without a test."""
    exercises = []
    for cell, test in itertools.pairwise(read_notebook("source", lesson).cells):
        if cell.cell_type == "code" and is_solution(cell) and cell.id != RECIPE_CELL:
            assert test.id == f"test_{cell.id}" and is_grade(test), f"{lesson}: nothing tests {cell.id!r}"
            exercises.append(Exercise(lesson, cell.id, float(test.metadata.nbgrader.points)))
    return tuple(exercises)


class ExecutedLesson:
    """A lesson, executed once with its own solutions as nbgrader does; `grade` then tests other answers in it."""

    def __init__(self, lesson: str):
        self._shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
        self._shell._showtraceback = lambda *_: None  # a traceback would quote the test, and so every hint in it
        self._cells = {cell.id: cell for cell in read_notebook("source", lesson).cells if cell.cell_type == "code"}
        self._names_before: dict[str, dict[str, Any]] = {}  # cell -> the names that were defined before it
        self.outputs: dict[str, str] = {}  # cell -> what it printed or raised
        self.own_grades: dict[str, Grade] = {}  # test cell -> the grade of the lesson's own solution
        self.seconds = 0.0  # that all test cells took, on a machine that may do other work
        for name, cell in self._cells.items():
            self._names_before[name] = dict(self._shell.user_ns)
            start = time.perf_counter()
            outputs = self._run(cell.source)
            self.outputs[name] = _text(outputs)
            assert not any(o.output_type == "error" for o in outputs), f"{lesson}: {name} fails: {self.outputs[name]}"
            if is_grade(cell):
                self.seconds += time.perf_counter() - start
                self.own_grades[name] = _grade(cell, outputs)
        self.names_after = dict(self._shell.user_ns)

    def grade(self, exercise: str, source: str) -> Grade:
        """The grade of an answer to an exercise, in the state that the lesson has before it."""
        test = self._cells[f"test_{exercise}"]
        self._shell.user_ns.clear()  # not replaced: functions of earlier cells look their global names up in it
        self._shell.user_ns.update(self._names_before[exercise])
        self._run(source)
        return _grade(test, self._run(test.source))

    def _run(self, source: str) -> list[NotebookNode]:
        """The outputs of a code cell, as a kernel would send them."""
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            torch.random.fork_rng(devices=[]),
            patch.dict(os.environ, NBGRADER_EXECUTION="autograde"),  # so that nothing is trained
            warnings.catch_warnings(),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            warnings.simplefilter("default")
            result = self._shell.run_cell(source)
        streams = {"stdout": stdout.getvalue(), "stderr": stderr.getvalue()}
        outputs = [new_output("stream", name=name, text=text) for name, text in streams.items() if text]
        if error := result.error_before_exec or result.error_in_exec:
            outputs.append(new_output("error", ename=type(error).__name__, evalue=str(error), traceback=[]))
        elif result.result is not None:
            data, _ = self._shell.display_formatter.format(result.result)
            outputs.append(new_output("execute_result", data=data))
        return outputs


@functools.cache
def executed_lesson(lesson: str) -> ExecutedLesson:
    return ExecutedLesson(lesson)


@functools.cache
def grade_of(answer: Answer) -> Grade:
    return executed_lesson(answer.exercise.lesson).grade(answer.exercise.name, answer.source)


def _grade(test: NotebookNode, outputs: list[NotebookNode]) -> Grade:
    score, points = determine_grade(NotebookNode({**test, "outputs": outputs}))
    return Grade(score, points, _text(outputs))


def _text(outputs: list[NotebookNode]) -> str:
    return "\n".join(o.get("text") or o.get("evalue") or "" for o in outputs)
