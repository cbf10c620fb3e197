"""The lessons: releases are made from source/, contain no solution, and stop where an answer is missing."""

import functools
import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import is_solution

from autograder.authoring.lessons import ROOT
from autograder.authoring.release import release_problems
from autograder.gradebook.new_course.lessons import lesson_names, notebook_path
from autograder.grading.read_submission import read_recipe_source
from course import data
from course.capture import capture, run_recipe
from course.inspection.checks import inspect
from course.rules import assignments, load_rules, refusals
from tests.support.answers import executed_lesson, exercises, read_notebook

LESSONS = lesson_names(ROOT)
PUBLISHED_PARAMETERS = {
    "lesson1_baseline": 8_272,
    "lesson2_augmentation": 8_272,
    "lesson3_dropout": 6_778,
    "lesson4_schedulers": 7_510,
}
POINTS = {"parameter_count": 2, "report": 3, "trained_score": 10}  # in every lesson, in addition to its exercises

for_each_lesson = pytest.mark.parametrize("lesson", LESSONS)
for_source_and_release = pytest.mark.parametrize("step", ["source", "release"])


def solution_lines(notebook):
    """The lines between the markers, stripped, without those that reveal nothing, such as a bracket."""
    solution = re.compile(r"BEGIN SOLUTION[^\n]*\n(.*?)\n[^\n]*END SOLUTION", re.DOTALL)
    regions = [region for cell in notebook.cells for region in solution.findall(cell.source)]
    lines = [line.strip() for region in regions for line in region.splitlines()]
    return {line for line in lines if re.search(r"\w", line) and line != "def forward(self, x):"}


# The second word of each remark on a worked recipe. Lessons teach what is wrong with the published models: biases in
# front of batch norms, and ColorJitter's hue on grey images.
REMARKS = {
    "lesson1_baseline": ["biases"],
    "lesson2_augmentation": ["biases"],
    "lesson3_dropout": ["biases", "grey"],
    "lesson4_schedulers": ["biases", "grey"],
    "challenge": [],
}


@functools.cache
def worked_spec(lesson):
    """The worked recipe as the grader reads it."""
    return capture(run_recipe(read_recipe_source(notebook_path(ROOT, "source", lesson))))


def execute(notebook):
    """Execute the notebook in the project's folder, in a kernel of its own, as a student does."""
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(ROOT)}}).execute()
    return notebook


@pytest.fixture(scope="session")
def mnist():
    data.ensure()


# --- source/


def test_every_lesson_has_rules():
    assert {*PUBLISHED_PARAMETERS, "challenge"} <= set(LESSONS) <= set(assignments())


@for_each_lesson
def test_a_source_notebook_has_no_outputs_and_lies_alone_in_its_folder(lesson):
    code = [c for c in read_notebook("source", lesson).cells if c.cell_type == "code"]
    assert not any(c.outputs or c.execution_count for c in code)
    assert [p.name for p in (ROOT / "source" / lesson).iterdir() if p.is_file()] == [f"{lesson}.ipynb"]


@for_source_and_release
@for_each_lesson
def test_nbgrader_accepts_the_metadata_and_people_can_read_the_ids(step, lesson):
    notebook = read_notebook(step, lesson)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    graded = {c.id: c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata}
    assert all(name == metadata.grade_id for name, metadata in graded.items())
    points = {name: metadata.points for name, metadata in graded.items() if metadata.grade}
    assert points == POINTS | {f"test_{e.name}": e.points for e in exercises(lesson)}
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]+", c.id) for c in notebook.cells)


@for_each_lesson
def test_a_worked_recipe_has_the_published_parameters_and_keeps_its_rules(lesson):
    inspection = inspect(worked_spec(lesson))
    assert refusals(load_rules(lesson), inspection) == []
    assert inspection.counted == PUBLISHED_PARAMETERS.get(lesson, inspection.counted)
    assert inspection.counted < 8_000 or PUBLISHED_PARAMETERS[lesson] == 8_272  # Model 1, on purpose
    assert [advice.text.partition(" ")[2].partition(" ")[0] for advice in inspection.advice] == REMARKS[lesson]


def test_a_lesson_says_the_accuracy_that_its_rules_ask_for():
    stated = {}
    for lesson in LESSONS:
        text = "\n".join(cell.source for cell in read_notebook("source", lesson).cells)
        for accuracy in re.findall(r"(?:Here it asks for|This lesson's limit,) ([\d.]+) %", text):
            stated[lesson] = float(accuracy)
    assert len(stated) >= 3
    assert stated == {lesson: round(100 * load_rules(lesson).accuracy, 2) for lesson in stated}


# --- release/


def test_release_is_what_source_makes():
    assert release_problems(ROOT, LESSONS) == []


@for_each_lesson
def test_a_release_holds_no_line_of_a_solution(lesson):
    released, source = read_notebook("release", lesson), read_notebook("source", lesson)
    lines = {line.strip() for c in released.cells for line in c.source.splitlines()}
    assert "recipe = Recipe(" in solution_lines(source)
    assert not lines & solution_lines(source)
    text = notebook_path(ROOT, "release", lesson).read_text(encoding="utf-8")
    assert not re.search("BEGIN SOLUTION|END SOLUTION|HIDDEN TESTS", text)
    assert not any(c.get("outputs") for c in released.cells)


@pytest.mark.slow
@for_each_lesson
def test_a_release_without_an_answer_runs_up_to_the_first_exercise_and_says_so_kindly(lesson, mnist):
    notebook = read_notebook("release", lesson)
    with pytest.raises(CellExecutionError, match="Your answer is missing here: write it in the place of") as caught:
        execute(notebook)
    assert caught.value.ename == "NotImplementedError"
    failed = [c.id for c in notebook.cells if any(o.output_type == "error" for o in c.get("outputs", []))]
    first = next(c.id for c in notebook.cells if c.cell_type == "code" and is_solution(c))
    assert failed in ([first], [f"test_{first}"])  # the second when the answer is the inside of a function


@for_each_lesson
def test_nbgrader_runs_a_worked_lesson_without_training_and_gives_no_points_for_that(lesson, mnist):
    executed = executed_lesson(lesson)
    assert "Nothing is trained" in executed.outputs["training"]
    scores = {name: grade.score for name, grade in executed.own_grades.items()}
    assert (scores["parameter_count"], scores["trained_score"]) == (2, 0)
    assert executed.names_after["inspection"].spec_hash == worked_spec(lesson).hash
