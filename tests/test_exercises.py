"""The exercises are tested too: right answers get their points, wrong ones lose some and are told why."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.authoring.lessons import ROOT, lesson_names, notebook_path
from autograder.authoring.release import CONFIG
from course.files import write_atomically
from tests.answers import FOLDER, desk, exercises, graded, source_of

LESSONS = lesson_names(ROOT)
EXERCISES = [exercise for lesson in LESSONS for exercise in exercises(lesson)]
ANSWERS = [answer for exercise in EXERCISES for answer in exercise.answers()]

with_exercises = pytest.mark.parametrize("lesson", dict.fromkeys(e.lesson for e in EXERCISES))


def test_every_folder_of_answers_belongs_to_an_exercise():
    folders = {path.parent.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*/*.py")}
    assert folders == {f"{e.lesson}/{e.name}" for e in EXERCISES}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.lesson}/{e.name}")
def test_the_lessons_own_solution_gets_all_points(exercise):
    own = desk(exercise.lesson).own[f"test_{exercise.name}"]
    assert (own.score, own.points) == (exercise.points, exercise.points), own.said


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_right_answer_gets_all_points_and_a_wrong_one_is_told_its_mistake(answer):
    done = graded(answer)
    if answer.right:
        assert done.score == done.points, done.said
    else:
        assert done.score < done.points, "no test caught it"
        assert answer.hint, f"{answer.path.name} does not start with its hint"
        assert answer.hint in done.said


def test_the_table_of_answers_has_no_gap(capsys):
    rows = [(exercise, *count(exercise.answers())) for exercise in EXERCISES]
    with capsys.disabled():
        print("\n\n" + table(rows))
        for lesson in LESSONS:
            print(f"{lesson}: its graded cells took {desk(lesson).seconds:.1f} s")
    for _, accepted, right, caught, named, wrong in rows:
        assert right == accepted >= 2
        assert wrong == caught == named >= 5


def count(answers):
    """(right accepted, right, wrong caught, hints named, wrong)"""
    right, wrong = [a for a in answers if a.right], [a for a in answers if not a.right]
    accepted = [a for a in right if graded(a).score == graded(a).points]
    caught = [a for a in wrong if graded(a).score < graded(a).points]
    named = [a for a in caught if a.hint and a.hint in graded(a).said]
    return len(accepted), len(right), len(caught), len(named), len(wrong)


def table(rows):
    """A line for each exercise, and their sums."""
    sums = (f"all {len(rows)} exercises", *(sum(row[i] for row in rows) for i in range(1, 6)))
    lines = [f"{'exercise':52}{'right accepted':>16}{'wrong caught':>14}{'hints named':>13}"]
    for name, accepted, right, caught, named, wrong in [*((f"{e.lesson}/{e.name}", *n) for e, *n in rows), sums]:
        of = f"{accepted} of {right}", f"{caught} of {wrong}", f"{named} of {wrong}"
        lines.append(f"{name:52}{of[0]:>16}{of[1]:>14}{of[2]:>13}")
    return "\n".join(lines)


# --- the same through nbgrader itself: release, submit, autograde in a kernel, read the gradebook


@pytest.fixture
def scores(tmp_path, monkeypatch):
    """Makes a course, hands in notebooks of it, and gives the scores in the gradebook: student -> cell -> score."""
    # nbgrader calls alembic by its name
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))

    def run(lesson, submissions):
        config = Config(PyFileConfigLoader(CONFIG, path=str(ROOT)).load_config())
        database = f"sqlite:///{tmp_path / 'gradebook.db'}"
        config.CourseDirectory.update(root=str(tmp_path), db_url=database, assignment_id=lesson)
        # the exercises are what is tested here; the recipe is trained for a moment
        config.TrainedScore.update(reduced={"epochs": 1, "train_images": 600, "test_images": 500}, seeds=1)
        source = notebook_path(tmp_path, "source", lesson)
        source.parent.mkdir(parents=True)
        shutil.copy(notebook_path(ROOT, "source", lesson), source)
        GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
        for student, answers in submissions.items():
            notebook = nbformat.read(notebook_path(tmp_path, "release", lesson), as_version=4)
            for cell in notebook.cells:
                cell.source = answers.get(cell.id, cell.source)
            path = tmp_path / "submitted" / student / lesson / f"{lesson}.ipynb"
            write_atomically(path, nbformat.writes(notebook))
        Autograde(coursedir=CourseDirectory(config=config), config=config).start()
        with Gradebook(database) as gradebook:
            return {
                student: {
                    grade.name: grade.auto_score
                    for grade in gradebook.find_submission_notebook(lesson, lesson, student).grades
                }
                for student in submissions
            }

    return run


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # what nbgrader itself does
@with_exercises
def test_nbgrader_gives_right_answers_their_points_and_takes_some_for_each_wrong_one(lesson, scores):
    chosen = exercises(lesson)
    worked = {cell.id: cell.source for cell in source_of(lesson).cells if cell.id == "recipe"}
    right = {e.name: next(a.source for a in e.answers() if a.right) for e in chosen}
    wrong = {e.name: next(a.source for a in e.answers() if not a.right) for e in chosen}
    found = scores(lesson, {"right": worked | right, "wrong": worked | wrong})
    for exercise in chosen:
        name = f"test_{exercise.name}"
        assert found["right"][name] == exercise.points
        assert found["wrong"][name] < exercise.points
    assert found["right"]["parameter_count"] == 2
