"""The lessons: what students get is made from source/, without solutions, and stops where an answer is missing."""

import functools
import re
import shutil
import signal
import sys
from subprocess import PIPE, Popen

import nbformat
import pytest
from click.testing import CliRunner
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import is_solution

from autograder.authoring import lessons
from autograder.authoring.lessons import ROOT
from autograder.grading.submission import read_recipe_source
from autograder.workers.recipe import run_recipe
from course import data
from course.capture import capture
from course.errors import GraderError
from course.files import write_atomically
from course.inspection import inspect
from course.rules import assignments, load_rules, refusals
from tests.answers import desk, exercises

LESSONS = lessons.lessons()
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
    return nbformat.read(lessons.notebook(ROOT, step, lesson), as_version=4)


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
    return capture(run_recipe(read_recipe_source(lessons.notebook(ROOT, "source", lesson)).source))


def execute(notebook):
    """Run the notebook where the tests run, as a student does."""
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(ROOT)}}).execute()
    return notebook


@pytest.fixture(scope="session")
def mnist():
    data.ensure()


@pytest.fixture
def course_of(tmp_path):
    """Makes a course of notebooks, name -> the code of its cells."""

    def make(**notebooks):
        shutil.copy(ROOT / lessons.CONFIG, tmp_path)
        for name, sources in notebooks.items():
            cells = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
            made = new_notebook(cells=cells, metadata=read("source", "challenge").metadata)
            write_atomically(lessons.notebook(tmp_path, "source", name), nbformat.writes(made))
        return tmp_path

    return make


def files_below(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
        text = "\n".join(c.source for c in nbformat.read(lessons.notebook(ROOT, "source", lesson), as_version=4).cells)
        for stated in re.findall(r"(?:Here it asks for|This lesson's limit,) ([\d.]+) %", text):
            said[lesson] = float(stated)
    assert len(said) >= 3
    assert said == {lesson: round(100 * load_rules(lesson).accuracy, 2) for lesson in said}


def test_release_is_what_source_makes():
    assert lessons.stale(ROOT, LESSONS) == []


@for_each_lesson
def test_a_release_holds_no_line_of_a_solution(lesson):
    released, source = read("release", lesson), read("source", lesson)
    lines = {line.strip() for c in released.cells for line in c.source.splitlines()}
    assert "recipe = Recipe(" in solution_lines(source)
    assert not lines & solution_lines(source)
    text = lessons.notebook(ROOT, "release", lesson).read_text(encoding="utf-8")
    assert not re.search("BEGIN SOLUTION|END SOLUTION|HIDDEN TESTS", text)
    assert not any(c.get("outputs") for c in released.cells)


def test_a_release_is_made_without_leaving_anything_behind(course_of):
    root = course_of(one=["x = 1"])
    before = files_below(root)
    text = lessons.released(root, "one")
    assert files_below(root) == before
    assert text == lessons.released(root, "one")


def test_what_is_wrong_with_a_release_is_named_with_what_to_do(course_of):
    root = course_of(one=["x = 1"], two=["y = 2"], three=["z = 3"])
    for lesson in ("one", "two"):
        write_atomically(lessons.notebook(root, "release", lesson), lessons.released(root, lesson))
    with lessons.notebook(root, "release", "two").open("a") as edited:
        edited.write(" ")
    write_atomically(lessons.notebook(root, "release", "old"), "{}")
    assert lessons.stale(root, ("one", "two", "three")) == [
        "release/two/two.ipynb is not what source/ makes: run `make release`, and commit it.",
        "release/three/three.ipynb is missing: run `make release`.",
        "release/old/old.ipynb has no notebook in source/: delete it.",
    ]


def test_a_source_that_nbgrader_refuses_is_named(course_of):
    root = course_of(broken=["### BEGIN SOLUTION\nx = 1"])
    with pytest.raises(GraderError, match="broken"):
        lessons.released(root, "broken")


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


# --- solutions/

NOISY = """
import sys, time, warnings
for epoch in (1, 2):
    print(f"EPOCH: {epoch}")
    for step in range(1, 4):
        print(f"\\rLoss={1 / step:.4f} {step}/3", end="", flush=True)
        time.sleep(0.01)
    print(f"\\nTest set: epoch {epoch}")
warnings.warn("a path of this machine")
"""


@pytest.fixture
def solve(monkeypatch):
    """Runs the command `solutions` on a course, and returns its exit code and what it said."""
    monkeypatch.setattr(data, "ensure", lambda: None)

    def run(root, *arguments):
        monkeypatch.setattr(lessons, "ROOT", root)
        done = CliRunner().invoke(lessons.main, ["solutions", *arguments])
        return done.exit_code, done.output

    return run


@pytest.mark.slow
def test_a_solution_keeps_the_log_and_neither_the_steps_of_a_bar_nor_warnings(course_of):
    notebook = lessons.solved(course_of(noisy=[NOISY, "1 + 1"]), "noisy")
    first, second = notebook.cells
    assert [(o.name, o.text) for o in first.outputs] == [
        (
            "stdout",
            "EPOCH: 1\nLoss=0.3333 3/3\nTest set: epoch 1\nEPOCH: 2\nLoss=0.3333 3/3\nTest set: epoch 2\n",
        )
    ]
    assert second.outputs[0].data["text/plain"] == "2"
    assert "execution" not in first.metadata


@pytest.mark.slow
def test_a_finished_solution_is_run_again_only_when_its_source_changed_or_when_forced(course_of, solve):
    root = course_of(one=["import time", "time.time_ns()"])
    path = lessons.notebook(root, "solutions", "one")
    assert solve(root)[0] == 0
    first = path.read_bytes()
    assert "unchanged" in solve(root)[1]
    assert path.read_bytes() == first
    assert solve(root, "--force")[0] == 0
    assert path.read_bytes() != first
    course_of(one=["'edited'"])
    assert solve(root, "one")[0] == 0
    assert "edited" in nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/plain"]


@pytest.mark.slow
def test_lessons_finished_before_a_failure_are_kept_and_nothing_is_half_written(course_of, solve):
    root = course_of(a_good=["1"], b_bad=["1", "raise ValueError('too late')"])
    code, said = solve(root)
    assert code != 0
    assert "b_bad cannot be solved, a cell failed: ValueError: too late" in said
    assert list(files_below(root / "solutions")) == [
        (root / "solutions/a_good/a_good.ipynb").relative_to(root / "solutions")
    ]
    assert "a_good (1 of 2): unchanged" in solve(root)[1]


@pytest.mark.slow
def test_an_interrupted_solution_says_so_and_leaves_nothing_half_written(course_of):
    root = course_of(long=["import time\nprint('EPOCH: 1', flush=True)\ntime.sleep(600)"])
    code = f"import pathlib; from autograder import lessons; lessons.ROOT = pathlib.Path({str(root)!r}); lessons.main()"
    # the data are not asked for: only the way of the signal is
    code = "from course import data; data.ensure = lambda: None; " + code
    with Popen([sys.executable, "-c", code, "solutions"], cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True) as command:
        next(line for line in command.stdout if "EPOCH" in line)
        command.send_signal(signal.SIGINT)
        said = command.communicate()[1]
    assert command.returncode == 3
    assert "long was interrupted. Lessons finished before are kept: start again." in said
    assert not (root / "solutions").exists()


def test_a_lesson_that_does_not_exist_is_answered_with_those_that_do(course_of, solve):
    code, said = solve(course_of(one=["1"], two=["2"]), "three")
    assert code == 2
    assert "There is no lesson 'three' in source/. The lessons are: one, two." in said
