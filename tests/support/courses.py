"""A course of nbgrader's in a folder, made up: hand-ins, gradebook, store and feedback as gradings would leave them."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

from autograder.gradebook.course_view import CourseView, read_course
from autograder.gradebook.settings import read_settings
from autograder.grading.attempts import register
from autograder.grading.unfinished import MARK
from autograder.store import open_store
from autograder.store.records import Result
from course.rules import Verdict, load_rules
from tests.support.gradebooks import new_gradebook

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SETTINGS = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = {db_url!r}
c.TrainedScore.store = {store!r}
{more}
"""
SHORT = {"epochs": 2, "train_images": 2_000, "test_images": 1_000, "accuracy": 0.5, "near": 0.0}
PAGE = "<style>h4 {{}}</style><h4>challenge (Score: {score} / 12.0)</h4><h4>(Score: 99.0 / 99.0)</h4>"


class MadeUpCourse:
    """With the assignment `challenge`: 10 points for the recipe, 2 for `counts`; with `by_hand` 3 for `report`."""

    def __init__(self, root: Path, *, settings: str = "", by_hand: bool = False):
        self.root, self.store_path = root, root / "results.db"
        self.db_url = new_gradebook(root)
        text = SETTINGS.format(root=str(root), db_url=self.db_url, store=str(self.store_path), more=settings)
        (root / "nbgrader_config.py").write_text(text)
        with self.gradebook() as gradebook:
            gradebook.add_assignment("challenge")
            gradebook.add_notebook("challenge", "challenge")
            points = {"trained_score": 10, "counts": 2} | ({"report": 3} if by_hand else {})
            for name, most in points.items():
                kind = "markdown" if name == "report" else "code"
                gradebook.add_grade_cell(name, "challenge", "challenge", max_score=most, cell_type=kind)
                gradebook.add_source_cell(name, "challenge", "challenge", cell_type=kind, source="", checksum="0" * 32)
            if by_hand:
                gradebook.add_solution_cell("report", "challenge", "challenge")
        with open_store(str(self.store_path)):
            pass

    @contextmanager
    def gradebook(self):
        with Gradebook(self.db_url) as gradebook:
            yield gradebook
            gradebook.db.commit()

    def enrol(self, *students: str) -> None:
        with self.gradebook() as gradebook:
            for student in students:
                gradebook.update_or_create_student(student)

    def hand_in(self, student: str, recipe: str = "recipe = 1", at: dt.datetime = NOON) -> Path:
        """A notebook in submitted/ with its time."""
        path = self.root / "submitted" / student / "challenge" / "challenge.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        cell = new_code_cell(recipe, metadata={"nbgrader": {"grade_id": "recipe"}})
        nbformat.write(new_notebook(cells=[cell]), path)
        (path.parent / "timestamp.txt").write_text(f"{at:%Y-%m-%d %H:%M:%S} UTC")
        return path

    def judge(self, student: str, verdict: Verdict = "pass", **changes: object) -> None:
        """Enter the hand-in and its verdict into the store."""
        path = self.root / "submitted" / student / "challenge" / "challenge.ipynb"
        result = Result("challenge.ipynb", "challenge", verdict, (f"It is {verdict}.",))
        with open_store(str(self.store_path)) as store:
            attempt = register(store, path, student, "challenge")
            store.results.record_verdict(attempt, result, load_rules("challenge"), [], **changes)

    def autograde(self, student: str, recipe: float | None = 10.0, counts: float | None = 2.0) -> None:
        """What nbgrader leaves: the notebook and its time in autograded/, and points in the gradebook."""
        source = self.root / "submitted" / student / "challenge"
        target = self.root / "autograded" / student / "challenge"
        shutil.copytree(source, target, dirs_exist_ok=True)
        text = (source / "timestamp.txt").read_text().removesuffix(" UTC")
        with self.gradebook() as gradebook:
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission("challenge", student, timestamp=dt.datetime.fromisoformat(text))
            for grade in gradebook.find_submission_notebook("challenge", "challenge", student).grades:
                grade.auto_score = {"trained_score": recipe, "counts": counts}.get(grade.name)
                grade.needs_manual_grade = grade.auto_score is None

    def interrupt(self, student: str) -> None:
        """Leave autograded/ as a process that was killed does."""
        path = self.root / "autograded" / student / "challenge" / "challenge.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata[MARK] = "a process that is no more"
        nbformat.write(notebook, path)

    def set_grade(self, student: str, cell: str, **values: object) -> None:
        with self.gradebook() as gradebook:
            grade = gradebook.find_grade(cell, "challenge", "challenge", student)
            for name, value in values.items():
                setattr(grade, name, value)

    def set_due(self, due: dt.datetime) -> None:
        with self.gradebook() as gradebook:
            gradebook.update_or_create_assignment("challenge", duedate=due.replace(tzinfo=None))

    def give_feedback(self, student: str, score: float = 12.0, *, age: float = 0.0) -> Path:
        """A page that shows `score`, written `age` seconds ago."""
        page = self.root / "feedback" / student / "challenge" / "challenge.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(PAGE.format(score=score))
        time = page.stat().st_mtime - age
        os.utime(page, (time, time))
        return page

    def grade_all(self, *students: str) -> None:
        """Hand in, judge, autograde: all places agree."""
        for student in students:
            self.hand_in(student)
            self.judge(student)
            self.autograde(student)

    def view(self) -> CourseView:
        settings = read_settings(self.root)
        with open_store(settings.store_url, read_only=True) as store:
            return read_course(settings, store)


def real_settings(root: Path, more: str = "") -> str:
    """Settings under which nbgrader's own commands grade a MadeUpCourse, by short trainings of one seed."""
    lines = [
        (Path(__file__).parents[2] / "nbgrader_config.py").read_text(),
        f"c.CourseDirectory.root = {str(root)!r}",
        f"c.CourseDirectory.db_url = 'sqlite:///{root / 'gradebook.db'}'",
        f"c.TrainedScore.reduced = {SHORT}",
        "c.TrainedScore.seeds = 1",
        more,
    ]
    return "\n".join(lines)


def works_of(view: CourseView, assignment: str = "challenge") -> dict[str, object]:
    return {work.student: work for work in view.works if work.assignment == assignment}


def contents(folder: Path) -> dict[Path, tuple[int, int]]:
    """Path -> size and time of the last change of everything below."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}
