"""Answers to the exercises as students write them, and a desk where they are graded without a kernel for each.

An exercise is a solution cell in source/, directly followed by the test cell `test_<exercise>`. Answers to it lie in
tests/exercises/<lesson>/<exercise>/: `right_<style>.py` and `wrong_<misconception>.py`, each the whole of that cell. A
wrong one starts with the line `# hint: ...`: words that the failing test has to say.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import nbformat
import torch
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import determine_grade, is_grade, is_solution
from traitlets.config import Config

from autograder.authoring.lessons import ROOT, notebook_path
from autograder.grading.submission import RECIPE_CELL

FOLDER = ROOT / "tests" / "exercises"
HINT = "# hint: "


@dataclass(frozen=True)
class Exercise:
    """The solution cell `name` of a lesson, which the cell after it tests for `points`."""

    lesson: str
    name: str
    points: float

    def answers(self) -> list[Answer]:
        return [Answer(self, path) for path in sorted((FOLDER / self.lesson / self.name).glob("*.py"))]


@dataclass(frozen=True)
class Answer:
    """One file: what a student wrote into the solution cell."""

    exercise: Exercise
    path: Path

    @property
    def right(self) -> bool:
        return self.path.stem.startswith("right_")

    @property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def hint(self) -> str | None:
        """What the test has to say about a wrong answer; None where the file does not name it."""
        first = self.source.partition("\n")[0]
        return first.removeprefix(HINT).strip() if first.startswith(HINT) else None

    def __str__(self) -> str:
        return f"{self.exercise.lesson}/{self.exercise.name}/{self.path.stem}"


@dataclass(frozen=True)
class Graded:
    """What nbgrader makes of an answer: `score` of `points`, and all that the test cell `said`."""

    score: float
    points: float
    said: str


def source_of(lesson: str) -> NotebookNode:
    return nbformat.read(notebook_path(ROOT, "source", lesson), as_version=4)


@functools.cache
def exercises(lesson: str) -> tuple[Exercise, ...]:
    """The exercises of a lesson in their order. Raises AssertionError for an answer that nothing tests."""
    cells, found = source_of(lesson).cells, []
    for cell, test in itertools.pairwise(cells):
        if cell.cell_type == "code" and is_solution(cell) and cell.id != RECIPE_CELL:
            assert test.id == f"test_{cell.id}" and is_grade(test), f"{lesson}: nothing tests {cell.id!r}"
            found.append(Exercise(lesson, cell.id, float(test.metadata.nbgrader.points)))
    return tuple(found)


class Desk:
    """A lesson, run once with its own solutions as nbgrader runs it; answers are put in where their exercise stands."""

    def __init__(self, lesson: str):
        self._shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
        self._shell._showtraceback = lambda *_: None  # it would quote the test, and so every hint in it
        self._cells = {cell.id: cell for cell in source_of(lesson).cells if cell.cell_type == "code"}
        self._before: dict[str, dict] = {}  # exercise -> what was defined when its turn came
        self.said: dict[str, str] = {}  # code cell -> what it put out
        self.own: dict[str, Graded] = {}  # graded cell -> what the lesson's own solutions get
        self.seconds = 0.0  # that all graded cells took, under whatever load there was
        for name, cell in self._cells.items():
            self._before[name] = dict(self._shell.user_ns)
            began = time.perf_counter()
            outputs = self._run(cell.source)
            self.said[name] = _text(outputs)
            assert not any(o.output_type == "error" for o in outputs), f"{lesson}: {name} fails: {self.said[name]}"
            if is_grade(cell):
                self.seconds += time.perf_counter() - began
                self.own[name] = _grade(cell, outputs)
        self.after = dict(self._shell.user_ns)

    def grade(self, name: str, source: str) -> Graded:
        """What an answer to the exercise `name` gets."""
        test = self._cells[f"test_{name}"]
        self._shell.user_ns.clear()  # and not replaced: the functions of earlier cells look their names up in it
        self._shell.user_ns.update(self._before[name])
        self._run(source)
        return _grade(test, self._run(test.source))

    def _run(self, source: str) -> list[NotebookNode]:
        """The outputs of a code cell, as a kernel would send them."""
        out, err, warned = io.StringIO(), io.StringIO(), warnings.catch_warnings()
        redirected = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with torch.random.fork_rng(devices=[]), _grading(), warned, redirected[0], redirected[1]:
            warnings.simplefilter("default")
            done = self._shell.run_cell(source)
        streams = {"stdout": out.getvalue(), "stderr": err.getvalue()}
        outputs = [new_output("stream", name=name, text=text) for name, text in streams.items() if text]
        if error := done.error_before_exec or done.error_in_exec:
            outputs.append(new_output("error", ename=type(error).__name__, evalue=str(error), traceback=[]))
        elif done.result is not None:
            data, _ = self._shell.display_formatter.format(done.result)
            outputs.append(new_output("execute_result", data=data))
        return outputs


@functools.cache
def desk(lesson: str) -> Desk:
    return Desk(lesson)


@functools.cache
def graded(answer: Answer) -> Graded:
    return desk(answer.exercise.lesson).grade(answer.exercise.name, answer.source)


@contextlib.contextmanager
def _grading() -> Iterator[None]:
    """What nbgrader's autograde sets, so that nothing is trained."""
    with patch.dict(os.environ, NBGRADER_EXECUTION="autograde"):
        yield


def _grade(test: NotebookNode, outputs: list[NotebookNode]) -> Graded:
    cell = NotebookNode({**test, "outputs": outputs})
    score, points = determine_grade(cell)
    return Graded(score, points, _text(outputs))


def _text(outputs: list[NotebookNode]) -> str:
    return "\n".join(o.get("text") or o.get("evalue") or "" for o in outputs)
