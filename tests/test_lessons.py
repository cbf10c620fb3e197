"""The lessons: what students get is made from source/, without solutions, and stops where an answer is missing."""

import functools
import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import is_solution

from autograder.authoring.lessons import ROOT, lesson_names, notebook_path
from autograder.authoring.release import release_problems
from autograder.grading.submission import read_recipe_source
from autograder.workers.recipe import run_recipe
from course import data
from course.capture import capture
from course.inspection import inspect
from course.rules import assignments, load_rules, refusals
from tests.answers import desk, exercises

LESSONS = lesson_names(ROOT)
PUBLISHED = {
    "lesson1_baseline": 8_272,
    "lesson2_augmentation": 8_272,
    "lesson3_dropout": 6_778,
    "lesson4_schedulers": 7_510,
}
POINTS = {"parameter_count": 2, "report": 3, "trained_score": 10}  # in every lesson, beside its exercises

for_each_lesson = pytest.mark.parametrize("lesson", LESSONS)
for_source_and_release = pytest.mark.parametrize("step", ["source", "release"])


def read(step, lesson):
    return nbformat.read(notebook_path(ROOT, step, lesson), as_version=4)


def cell(notebook, name):
    return next(c for c in notebook.cells if c.id == name)


def solution_lines(notebook):
    """The lines between the markers, stripped, without those that give nothing away, such as a bracket."""
    marked = re.compile(r"BEGIN SOLUTION[^\n]*\n(.*?)\n[^\n]*END SOLUTION", re.DOTALL)
    lines = [
        line.strip() for c in notebook.cells for region in marked.findall(c.source) for line in region.splitlines()
    ]
    return {line for line in lines if re.search(r"\w", line) and line != "def forward(self, x):"}


@functools.cache
def worked_spec(lesson):
    """The worked recipe as the grader reads it."""
    return capture(run_recipe(read_recipe_source(notebook_path(ROOT, "source", lesson)).source))


def execute(notebook):
    """Run the notebook where the tests run, as a student does."""
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(ROOT)}}).execute()
    return notebook


@pytest.fixture(scope="session")
def mnist():
    data.ensure()


# --- source/


def test_every_lesson_has_rules():
    assert {*PUBLISHED, "challenge"} <= set(LESSONS) <= set(assignments())


@for_each_lesson
def test_a_source_notebook_has_no_outputs_and_lies_alone_in_its_folder(lesson):
    code = [c for c in read("source", lesson).cells if c.cell_type == "code"]
    assert not any(c.outputs or c.execution_count for c in code)
    assert [p.name for p in (ROOT / "source" / lesson).iterdir() if p.is_file()] == [f"{lesson}.ipynb"]


@for_source_and_release
@for_each_lesson
def test_nbgrader_takes_the_metadata_and_people_can_read_the_ids(step, lesson):
    notebook = read(step, lesson)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    graded = {c.id: c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata}
    assert all(name == metadata.grade_id for name, metadata in graded.items())
    points = {name: metadata.points for name, metadata in graded.items() if metadata.grade}
    assert points == POINTS | {f"test_{e.name}": e.points for e in exercises(lesson)}
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]+", c.id) for c in notebook.cells)


@for_each_lesson
def test_a_worked_recipe_has_the_published_parameters_and_keeps_its_rules(lesson):
    found = inspect(worked_spec(lesson))
    assert refusals(load_rules(lesson), found) == []
    assert found.counted == PUBLISHED.get(lesson, found.counted)
    assert found.counted < 8_000 or PUBLISHED[lesson] == 8_272  # Model 1, on purpose


# --- release/


def test_a_lesson_says_the_accuracy_that_its_rules_ask_for():
    said = {}
    for lesson in LESSONS:
        text = "\n".join(c.source for c in nbformat.read(notebook_path(ROOT, "source", lesson), as_version=4).cells)
        for stated in re.findall(r"(?:Here it asks for|This lesson's limit,) ([\d.]+) %", text):
            said[lesson] = float(stated)
    assert len(said) >= 3
    assert said == {lesson: round(100 * load_rules(lesson).accuracy, 2) for lesson in said}


def test_release_is_what_source_makes():
    assert release_problems(ROOT, LESSONS) == []


@for_each_lesson
def test_a_release_holds_no_line_of_a_solution(lesson):
    released, source = read("release", lesson), read("source", lesson)
    lines = {line.strip() for c in released.cells for line in c.source.splitlines()}
    assert "recipe = Recipe(" in solution_lines(source)
    assert not lines & solution_lines(source)
    text = notebook_path(ROOT, "release", lesson).read_text(encoding="utf-8")
    assert not re.search("BEGIN SOLUTION|END SOLUTION|HIDDEN TESTS", text)
    assert not any(c.get("outputs") for c in released.cells)


@pytest.mark.slow
@for_each_lesson
def test_a_release_without_an_answer_runs_up_to_the_first_exercise_and_says_so_kindly(lesson, mnist):
    notebook = read("release", lesson)
    with pytest.raises(CellExecutionError, match="Your answer is missing here: write it in the place of") as stopped:
        execute(notebook)
    assert stopped.value.ename == "NotImplementedError"
    failed = [c.id for c in notebook.cells if any(o.output_type == "error" for o in c.get("outputs", []))]
    first = next(c.id for c in notebook.cells if c.cell_type == "code" and is_solution(c))
    assert failed in ([first], [f"test_{first}"])  # the second when the answer is the inside of a function


@for_each_lesson
def test_nbgrader_runs_a_worked_lesson_without_training_and_gives_no_points_for_that(lesson, mnist):
    done = desk(lesson)
    assert "Nothing is trained" in done.said["training"]
    assert (done.own["parameter_count"].score, done.own["trained_score"].score) == (2, 0)
    assert done.after["inspection"].spec_hash == worked_spec(lesson).hash
