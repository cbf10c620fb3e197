"""Solutions are executed once, without what differs between machines; failures and interruptions lose none."""

import signal
import sys
from subprocess import PIPE, Popen

import nbformat
import pytest
from click.testing import CliRunner

from autograder.authoring import lessons
from autograder.authoring.__main__ import main
from autograder.authoring.lessons import ROOT
from autograder.authoring.solutions import solve
from autograder.gradebook.new_course.lessons import notebook_path
from course import data
from tests.support.files import files_below

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
def run_solutions(monkeypatch):
    """Runs the command `solutions` on a course, and returns its exit code and its output."""
    monkeypatch.setattr(data, "ensure", lambda: None)

    def run(root, *arguments):
        monkeypatch.setattr(lessons, "ROOT", root)
        done = CliRunner().invoke(main, ["solutions", *arguments])
        return done.exit_code, done.output

    return run


@pytest.mark.slow
def test_a_solution_keeps_the_log_and_neither_the_steps_of_a_bar_nor_warnings(course_of):
    notebook = solve(course_of(noisy=[NOISY, "1 + 1"]), "noisy")
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
def test_a_finished_solution_is_run_again_only_when_its_source_changed_or_when_forced(course_of, run_solutions):
    root = course_of(one=["import time", "time.time_ns()"])
    path = notebook_path(root, "solutions", "one")
    assert run_solutions(root)[0] == 0
    first = path.read_bytes()
    assert "unchanged" in run_solutions(root)[1]
    assert path.read_bytes() == first
    assert run_solutions(root, "--force")[0] == 0
    assert path.read_bytes() != first
    course_of(one=["'edited'"])
    assert run_solutions(root, "one")[0] == 0
    assert "edited" in nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/plain"]


@pytest.mark.slow
def test_lessons_finished_before_a_failure_are_kept_and_nothing_is_half_written(course_of, run_solutions):
    root = course_of(a_good=["1"], b_bad=["1", "raise ValueError('too late')"])
    code, said = run_solutions(root)
    assert code != 0
    assert "b_bad cannot be solved, a cell failed: ValueError: too late" in said
    assert list(files_below(root / "solutions")) == [
        (root / "solutions/a_good/a_good.ipynb").relative_to(root / "solutions")
    ]
    assert "a_good (1 of 2): unchanged" in run_solutions(root)[1]


@pytest.mark.slow
def test_an_interrupted_solution_says_so_and_leaves_nothing_half_written(course_of):
    root = course_of(long=["import time\nprint('EPOCH: 1', flush=True)\ntime.sleep(600)"])
    code = (
        "import pathlib; from autograder.authoring import __main__ as commands; "
        f"commands.lessons.ROOT = pathlib.Path({str(root)!r}); commands.main()"
    )
    # MNIST is not needed: only the signal is tested
    code = "from course import data; data.ensure = lambda: None; " + code
    with Popen([sys.executable, "-c", code, "solutions"], cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True) as command:
        next(line for line in command.stdout if "EPOCH" in line)
        command.send_signal(signal.SIGINT)
        said = command.communicate()[1]
    assert command.returncode == 3
    assert "long was interrupted. Lessons finished before are kept: start again." in said
    assert not (root / "solutions").exists()


@pytest.mark.slow
def test_a_lesson_finds_its_finished_trainings_in_the_cache_unless_it_is_told_not_to(course_of):
    root = course_of(one=["from course.notebook import fitting", "type(fitting._cache).__name__"])
    with_cache, without = (solve(root, "one", use_cache=use) for use in (True, False))
    assert with_cache.cells[1].outputs[0].data["text/plain"] == "'SolutionCache'"
    assert without.cells[1].outputs[0].data["text/plain"] == "'NoneType'"
