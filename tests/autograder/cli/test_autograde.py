"""`autograder autograde`: with real nbgrader, killed and started again, a class is graded once; and what it prints."""

import json
import subprocess
import sys

import psutil
import pytest
from click.testing import CliRunner

from autograder.batch import BatchSummary, Outcome
from autograder.cli.main import main
from autograder.gradebook.autograde import ClassGrading
from autograder.gradebook.collecting import Collected
from autograder.gradebook.settings import read_settings
from autograder.store import open_store
from tests.support.batches import count_rows
from tests.support.classroom import LEARNS, environment
from tests.support.courses import MadeUpCourse, real_settings

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy

# In a process of nbgrader's, also in those that `autograder autograde` starts, any training or capture breaks.
NO_TRAINING = """
import sys
from pathlib import Path
if any("nbgrader" in part for part in Path(sys.argv[0]).parts[-2:]):
    from autograder.grading.recipe_sandbox import RecipeSandbox
    from autograder.workers.client import WorkerPool
    def refuse(*_, **__):
        raise RuntimeError("nbgrader was to take the verdict from the store")
    WorkerPool.start = RecipeSandbox.capture = refuse
"""


def run(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def kill_after(course, words: str) -> list[psutil.Process]:
    """Start the command, kill it once it has printed `words`, and return the processes that it leaves behind."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "autograder.cli.main",
        "autograde",
        str(course.root),
        "--jobs",
        "1",
    ]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        said = []
        assert any(said.append(line) or words in line for line in process.stderr), said
        started = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    return psutil.wait_procs(started, timeout=60)[1]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Ada and Ben hand in the same recipe, and Fay's is no notebook. It was killed when nbgrader had graded Ada."""
    root = tmp_path_factory.mktemp("course")
    course = MadeUpCourse(root, settings=real_settings(root, NO_TRAINING))
    for student in ("ada", "ben", "fay"):
        path = course.hand_in(student, LEARNS)
    path.write_bytes(b"\xff\xfePK my photo")
    assert kill_after(course, "[1/3] in the gradebook  ada") == []
    return course


@pytest.mark.slow
@pytest.mark.training
def test_killed_and_started_again_each_recipe_is_trained_once_and_nbgrader_only_collects(killed):
    result = run("autograde", killed.root, "--jobs", 1, "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["trained"]["submissions"] == []
    assert {each["student"]: each["problem"] for each in data["collected"]} == {"ben": "", "fay": ""}
    challenge = data["assignments"]["challenge"]
    assert challenge["verdicts"] == {"pass": 2, "error": 1}
    assert challenge["states"] == {"graded": ["ada", "ben", "fay"]}
    assert challenge["feedback"] == "nbgrader generate_feedback challenge --force"
    with open_store(str(killed.store_path)) as store:
        assert count_rows(store, "verdicts") == count_rows(store, "attempts") == 3
        assert (count_rows(store, "runs"), count_rows(store, "epochs")) == (1, 2)
        assert list(store.verify()) == []
    with killed.gradebook() as gradebook:
        points = {s: gradebook.find_submission("challenge", s).score for s in ("ada", "ben", "fay")}
    assert points == {"ada": 12.0, "ben": 12.0, "fay": 2.0}
    assert run("audit", killed.root).exit_code == 0


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Ada and Ben have verdicts; nbgrader and training are replaced by what they leave."""
    course = MadeUpCourse(tmp_path)
    for student in ("ada", "ben"):
        course.hand_in(student)
    monkeypatch.setattr("autograder.batch.run_batch", lambda submissions, *_, **__: judge(course, submissions))
    monkeypatch.setattr("autograder.gradebook.autograde.collect", lambda hand_ins, *_, **__: grade(course, hand_ins))
    return course


def judge(course, submissions) -> BatchSummary:
    for submission in submissions:
        course.judge(submission.student, options=ClassGrading(read_settings(course.root), None).options().asked())
    return BatchSummary([Outcome(s.student, s.assignment, s.path.name, "pass", ()) for s in submissions], 61.0)


def grade(course, hand_ins) -> list[Collected]:
    for hand_in in hand_ins:
        if hand_in.student != "eve":
            course.autograde(hand_in.student)
    return [Collected(hand_in, "It broke." if hand_in.student == "eve" else "") for hand_in in hand_ins]


def test_a_class_is_graded_and_what_is_left_to_do_is_told(course):
    result = run("autograde", course.root)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2 submissions in 1:01: 2 pass.",
        f"All results are in the store {course.store_path}.",
        "challenge: 2 pass.",
        "  2 students: 2 graded.",
        "  Feedback is left to do: nbgrader generate_feedback challenge --force",
    ]
    again = run("autograde", course.root)
    assert again.exit_code == 0 and "submissions in" not in again.stdout and "2 graded" in again.stdout


def test_only_who_is_asked_for_is_graded(course):
    assert "1 student: 1 graded" in run("autograde", course.root, "--student", "ben").stdout
    assert run("status", "--course-dir", course.root, "--missing").stdout.count("--student=ada") == 2


def test_what_nbgrader_could_not_grade_is_a_fault_and_stops_nobody(course):
    course.hand_in("eve")
    result = run("autograde", course.root)
    assert result.exit_code == 3
    assert "2 graded" in result.stdout and "1 trained, but not in the gradebook: eve" in result.stdout


def test_a_hand_in_that_nobody_can_grade_is_named_with_exit_code_1(course):
    (course.root / "submitted" / "tom.zip").touch()
    result = run("autograde", course.root)
    assert result.exit_code == 1 and "tom.zip is left out" in result.stdout and "2 graded" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--student", "adaa"], "There is no hand-in of adaa in submitted/."),
        (["--assignment", "chalenge"], "Nobody knows an assignment 'chalenge' here. There is: challenge."),
    ],
)
def test_who_or_what_is_not_there_is_wrong_use(course, arguments, said):
    result = run("autograde", course.root, *arguments)
    assert result.exit_code == 2 and said in result.stderr


def test_an_interruption_says_that_the_same_command_resumes(course, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("autograder.gradebook.autograde.collect", interrupt)
    result = run("autograde", course.root)
    assert result.exit_code == 130 and "the same command resumes" in result.stderr
