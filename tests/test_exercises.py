"""The exercises are tested too: right answers get their points, wrong ones lose some and are told why."""

import os
import shutil
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.authoring.lessons import ROOT
from autograder.gradebook.new_course.lessons import lesson_names, notebook_path
from autograder.gradebook.settings import CONFIG
from autograder.grading.read_submission import RECIPE_CELL
from course.files import write_atomically
from tests.support.answers import ANSWERS_FOLDER, Answer, executed_lesson, exercises, grade_of, read_notebook

LESSONS = lesson_names(ROOT)
EXERCISES = [exercise for lesson in LESSONS for exercise in exercises(lesson)]
ANSWERS = [answer for exercise in EXERCISES for answer in exercise.answers()]


def test_every_folder_of_answers_belongs_to_an_exercise():
    folders = {path.parent.relative_to(ANSWERS_FOLDER).as_posix() for path in ANSWERS_FOLDER.glob("*/*/*.py")}
    assert folders == set(map(str, EXERCISES))


@pytest.mark.parametrize("exercise", EXERCISES, ids=str)
def test_the_lessons_own_solution_gets_all_points(exercise):
    grade = executed_lesson(exercise.lesson).own_grades[exercise.test_name]
    assert (grade.score, grade.points) == (exercise.points, exercise.points), grade.output


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_right_answer_gets_all_points_and_a_wrong_one_is_told_its_mistake(answer):
    grade = grade_of(answer)
    if answer.is_right:
        assert grade.is_full, grade.output
    else:
        assert not grade.is_full, "no test caught it"
        assert answer.hint, f"{answer.path.name} does not start with its hint"
        assert answer.hint in grade.output


@dataclass(frozen=True)
class Counts:
    """The answers to an exercise, and how many of them were graded as they should be."""

    right: int
    accepted: int
    wrong: int
    caught: int
    hints: int

    @classmethod
    def of(cls, answers: list[Answer]) -> "Counts":
        right, wrong = [a for a in answers if a.is_right], [a for a in answers if not a.is_right]
        caught = [a for a in wrong if not grade_of(a).is_full]
        hints = [a for a in caught if a.hint and a.hint in grade_of(a).output]
        return cls(len(right), sum(grade_of(a).is_full for a in right), len(wrong), len(caught), len(hints))

    def row(self, name: str) -> str:
        accepted, caught = f"{self.accepted} of {self.right}", f"{self.caught} of {self.wrong}"
        return f"{name:52}{accepted:>16}{caught:>14}{f'{self.hints} of {self.wrong}':>13}"


def test_the_table_of_answers_has_no_gap(capsys):
    counts = {str(exercise): Counts.of(exercise.answers()) for exercise in EXERCISES}
    total = Counts(*map(sum, zip(*map(astuple, counts.values()), strict=True)))
    with capsys.disabled():
        print(f"\n\n{'exercise':52}{'right accepted':>16}{'wrong caught':>14}{'hints named':>13}")
        print("\n".join(count.row(name) for name, count in counts.items()))
        print(total.row(f"all {len(counts)} exercises"))
        for lesson in LESSONS:
            print(f"{lesson}: its graded cells took {executed_lesson(lesson).seconds:.1f} s")
    for count in counts.values():
        assert count.right == count.accepted >= 2
        assert count.wrong == count.caught == count.hints >= 5


# --- the same through nbgrader itself: release, submit, autograde in a kernel, read the gradebook


@pytest.fixture
def course_of(tmp_path, monkeypatch):
    """Makes a course with one released lesson, and returns its nbgrader configuration."""
    # nbgrader calls alembic by its name
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))

    def make(lesson):
        config = Config(PyFileConfigLoader(CONFIG, path=str(ROOT)).load_config())
        database = f"sqlite:///{tmp_path / 'gradebook.db'}"
        config.CourseDirectory.update(root=str(tmp_path), db_url=database, assignment_id=lesson)
        # the exercises are what is tested here; a reduced training of the recipe is enough
        config.TrainedScore.update(reduced={"epochs": 1, "train_images": 600, "test_images": 500}, seeds=1)
        source = notebook_path(tmp_path, "source", lesson)
        source.parent.mkdir(parents=True)
        shutil.copy(notebook_path(ROOT, "source", lesson), source)
        GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
        return config

    return make


def submit(config, student, answers):
    """Hand in the released notebook with the sources in `answers`, cell -> source."""
    root, lesson = Path(config.CourseDirectory.root), config.CourseDirectory.assignment_id
    notebook = nbformat.read(notebook_path(root, "release", lesson), as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    write_atomically(root / "submitted" / student / lesson / f"{lesson}.ipynb", nbformat.writes(notebook))


def scores(config, student):
    """A student's scores in the gradebook, cell -> score."""
    lesson = config.CourseDirectory.assignment_id
    with Gradebook(config.CourseDirectory.db_url) as gradebook:
        grades = gradebook.find_submission_notebook(lesson, lesson, student).grades
        return {grade.name: grade.auto_score for grade in grades}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # nbgrader's own use of SQLAlchemy
@pytest.mark.parametrize("lesson", dict.fromkeys(exercise.lesson for exercise in EXERCISES))
@pytest.mark.training
def test_nbgrader_gives_right_answers_their_points_and_takes_some_for_each_wrong_one(lesson, course_of):
    config = course_of(lesson)
    recipe = {cell.id: cell.source for cell in read_notebook("source", lesson).cells if cell.id == RECIPE_CELL}
    for student, is_right in (("right", True), ("wrong", False)):
        answers = {e.name: next(a.source for a in e.answers() if a.is_right is is_right) for e in exercises(lesson)}
        submit(config, student, recipe | answers)
    Autograde(coursedir=CourseDirectory(config=config), config=config).start()
    right, wrong = scores(config, "right"), scores(config, "wrong")
    for exercise in exercises(lesson):
        assert right[exercise.test_name] == exercise.points
        assert wrong[exercise.test_name] < exercise.points
    assert right["parameter_count"] == 2
