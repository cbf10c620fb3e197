"""A whole course with real nbgrader: nine students, from the release to the grades for Canvas and Moodle.

It is graded with SQLite and with PostgreSQL, for gradebook and store. Trainings are real, and made short by the
instructor's settings: the limit lies between what one student's recipe holds under the first and the second seed.
"""

import csv
import datetime as dt
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade
from autograder.store import open_store
from tests.support.classroom import (
    CRASHES,
    LEARNS,
    STANDS_STILL,
    TOO_LARGE,
    WAVERS,
    Course,
    answer,
    cell,
    environment,
)
from tests.support.listeners import RecordingListener

OTHER = "lesson1_baseline"
RECIPES = {
    "ada": LEARNS,
    "ben": WAVERS,
    "cy": STANDS_STILL,
    "dora": TOO_LARGE,
    "eli": CRASHES,
    "fay": STANDS_STILL,
    "gus": None,
    "jo": LEARNS,
    "hal": LEARNS,
}
VERDICTS = {
    "ada": "Passed",
    "ben": "Borderline",
    "cy": "Not passed yet",
    "dora": "Refused",
    "eli": "Not trained",
    "fay": "Not passed yet",
    "jo": "Passed",
    "hal": "Passed",
}
pytestmark = [pytest.mark.slow, pytest.mark.training]

FIRST = "ada"  # who fetches for all
ON_SQLITE_ALONE = {"eli", "fay", "jo"}  # what they hand in has nothing to do with the gradebook's database
# what has nothing to do with the gradebook's database is tried once
WHATEVER_THE_DATABASE = pytest.mark.parametrize("course", ["SQLite"], indirect=True)

PICTURE = (  # one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CHEAT = """
import ast
from IPython import get_ipython
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Strip())
print("Test set: Average loss: 0.0100, Accuracy: 9999/10000 (99.99%)")
"""


def lowest_accuracies(folder) -> list[int]:
    """What the wavering recipe holds under each of its first two seeds, in a training as short as the course's."""
    path = folder / "wavers.py"
    path.write_text(WAVERS)
    reduced = ReducedRun(epochs=2, train_images=2_000, test_images=1_000, accuracy=0.5, near=1.0)
    with open_store(str(folder / "wavers.db")) as store:
        result = grade(path, Options(reduced=reduced, seeds=2), RecordingListener(), store=store)
    lowest = [min(run.correct) for run in result.runs]
    assert len(lowest) == 2 and lowest[0] != lowest[1], "the recipe holds the same under both seeds: take another one"
    return lowest


def short_trainings(folder) -> str:
    """Settings of a course whose limit lies between the two."""
    first, second = lowest_accuracies(folder)
    needed = (first + second + 1) // 2
    reduced = {
        "epochs": 2,
        "train_images": 2_000,
        "test_images": 1_000,
        "accuracy": needed / 1_000,
        "near": (abs(first - needed) + 1) / 1_000,
    }
    trained = f"c.TrainedScore.seeds = 2\nc.TrainedScore.reduced = {reduced}\n"
    return trained + "c.LateSubmissionPlugin.penalty_method = 'zero'\n"


def cheat(path) -> None:
    """Everything at once: tests deleted, doubled, renamed and retagged, asserts stripped, a score printed."""
    notebook = nbformat.read(path, as_version=4)
    trained = cell(notebook, "trained_score")
    trained.source = "10.0"
    twice = nbformat.from_dict({**trained, "id": "twice"})
    notebook.cells.append(twice)
    tests = [c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")]
    for number, test in enumerate(t for t in tests if t is not trained and t is not twice):
        if number % 2:
            notebook.cells.remove(test)
        else:
            test.metadata.tags = ["skip-execution"]
            test.metadata.nbgrader |= {"grade": False, "schema_version": 99, "points": 1000}
    at = notebook.cells.index(cell(notebook, "recipe"))
    notebook.cells.insert(at, nbformat.v4.new_code_cell(CHEAT))
    nbformat.write(notebook, path)


def paste_a_picture(path) -> None:
    """A picture in the report, as JupyterLab stores it, and the mention of another that was deleted."""
    notebook = nbformat.read(path, as_version=4)
    report = cell(notebook, "report")
    report.source = "What I saw:\n\n![curve.png](attachment:curve.png)\n\n![](attachment:nothing.png)"
    report.attachments = {"curve.png": {"image/png": PICTURE}}
    nbformat.write(notebook, path)


def lose_metadata(path) -> None:
    """As editors do that know nothing of nbgrader; a student of theirs has rewritten a test, too."""
    notebook = nbformat.read(path, as_version=4)
    cell(notebook, "test_wilson").source = "assert True"
    for stripped in notebook.cells:
        stripped.metadata = nbformat.NotebookNode()
    nbformat.write(notebook, path)


def home_of(course, folder, student):
    """A student's folder, with the settings that find the exchange."""
    home = folder / "homes" / student
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(course.root / "nbgrader_config.py", home)
    return home


def answer_as(course, folder, student, recipe, assignment) -> tuple[Path, str]:
    """Answer what the first one fetched, or a copy of it. Returns the command that submits it, after its folder."""
    home, fetched = home_of(course, folder, student), folder / "homes" / FIRST / assignment
    if student != FIRST:
        shutil.copytree(fetched, home / assignment)
    notebook = home / assignment / f"{assignment}.ipynb"
    if recipe is None:
        notebook.rename(notebook.with_name("my work.txt"))
    else:
        answer(notebook, recipe)
        if student == "fay":
            cheat(notebook)
        if student == "cy":
            paste_a_picture(notebook)
        if student == "jo":
            lose_metadata(notebook)
    return home, f"submit {assignment} --course under8k --student {student}"


def import_students(course) -> str:
    """The command for nbgrader to take in the class."""
    students = course.root / "students.csv"
    names = "".join(f"{name},{name.title()},Student,{name}@example.org,{i}\n" for i, name in enumerate(RECIPES, 100))
    students.write_text("id,first_name,last_name,email,lms_user_id\n" + names)
    return f"db student import {students}"


def set_due_date(course, date):
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment("challenge", duedate=date)


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The course with SQLite once all is collected; a copy of its challenges; the due date, which only Hal missed."""
    folder = tmp_path_factory.mktemp("sqlite")
    course = Course(folder, short_trainings(folder), store=str(folder / "results.db"))
    fetch = home_of(course, folder, FIRST)
    of_each = {"challenge": RECIPES, OTHER: {"ada": LEARNS, "dora": TOO_LARGE}}
    course.nbgrader_at_once(
        import_students(course),
        *(f"{step} {assignment}" for assignment in of_each for step in ("generate_assignment", "release_assignment")),
        given=[(fetch, f"fetch_assignment {assignment} --course under8k") for assignment in of_each],
    )
    # copied before the first one answers
    submits = {
        (student, assignment): answer_as(course, folder, student, recipe, assignment)
        for assignment, recipes in of_each.items()
        for student, recipe in sorted(recipes.items(), key=lambda item: item[0] == FIRST)
    }
    late = submits.pop(("hal", "challenge"))
    course.nbgrader_at_once(given=submits.values())
    due = str(dt.datetime.now(dt.UTC))
    set_due_date(course, due)
    time.sleep(1)
    course.nbgrader_at_once(given=[late, *((course.root, f"collect {assignment}") for assignment in of_each)])
    copy = folder / "submitted"  # the tests hand in more
    shutil.copytree(course.root / "submitted", copy, ignore=shutil.ignore_patterns(OTHER))
    return course, copy, due


def on_postgresql(collected, folder, server):
    """The same course with both databases on PostgreSQL. What was collected is copied: it depends on no database."""
    original, submitted, due = collected
    store, gradebook = server.create_database(), server.create_database()
    course = Course(folder, original.settings, store=store, db_url=gradebook)
    shutil.copytree(submitted, course.root / "submitted", ignore=shutil.ignore_patterns(*ON_SQLITE_ALONE))
    course.nbgrader_at_once(import_students(course), "generate_assignment challenge")
    set_due_date(course, due)
    return course


@pytest.fixture(scope="module", params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.database)])
def course(request, collected, tmp_path_factory):
    """The course after `autograde` of everything that was handed in."""
    if request.param == "SQLite":
        course, assignments = collected[0], ("challenge", OTHER)
    else:
        server = request.getfixturevalue("postgresql_server")
        course, assignments = on_postgresql(collected, tmp_path_factory.mktemp("postgresql"), server), ("challenge",)
    try:
        for assignment in assignments:
            course.nbgrader("autograde", assignment)
        on_sqlite_alone = set() if request.param == "SQLite" else ON_SQLITE_ALONE
        course.verdicts = {name: said for name, said in VERDICTS.items() if name not in on_sqlite_alone}
        yield course
    finally:
        print(course.log.read_text())


def test_every_student_gets_the_verdict_the_reasons_and_the_points_that_are_due(course):
    for student, verdict in course.verdicts.items():
        report, scores = course.report("challenge", student), course.scores("challenge", student)
        assert verdict in report and "Not official" in report
        full = 10.0 if verdict in ("Passed", "Borderline") else 0.0
        assert scores["trained_score"] == full, student
        assert scores["report"] is None  # a person has to read it
    assert "parameters: " in course.report("challenge", "dora")
    images = [
        o
        for o in cell(course.autograded("challenge", "cy"), "trained_score").outputs
        if "image/png" in o.get("data", {})
    ]
    assert len(images) == 1


@WHATEVER_THE_DATABASE
def test_who_hands_in_code_that_breaks_is_told_how(course):
    assert "ZeroDivisionError" in course.report("challenge", "eli")


@WHATEVER_THE_DATABASE
def test_a_cheat_gets_no_more_than_an_honest_student_with_the_same_recipe(course):
    honest, cheating = course.scores("challenge", "cy"), course.scores("challenge", "fay")
    assert cheating == honest
    notebook = course.autograded("challenge", "fay")
    graded = [c.metadata.nbgrader.grade_id for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert sorted(graded) == sorted(honest) and "10.0" not in cell(notebook, "trained_score").source


@WHATEVER_THE_DATABASE
def test_a_notebook_that_has_lost_its_metadata_is_graded_like_any_other_and_says_so(course):
    assert course.scores("challenge", "jo") == course.scores("challenge", "ada")
    assert "removed nbgrader's metadata from" in course.autograded("challenge", "jo").cells[0].source
    assert "the recipe's cell has lost its nbgrader metadata and is known by its id" in course.log.read_text()


def test_who_is_late_is_told_so_and_who_hands_in_no_notebook_has_nothing(course):
    with course.gradebook() as gradebook:
        late = gradebook.find_submission("challenge", "hal")
        assert late.total_seconds_late > 0 and late.late_submission_penalty == late.score
        assert gradebook.find_submission("challenge", "ada").total_seconds_late == 0
    assert "No notebooks were matched by" in course.log.read_text() and "/gus/" in course.log.read_text()


def test_a_fault_of_ours_leaves_the_old_score_and_says_so_and_grading_again_then_trains_and_changes_nothing(course):
    before = course.scores("challenge", "ada")
    output = course.nbgrader(
        "autograde", "challenge", "--student", "ada", "--force", "--TrainedScore.device=cuda:7", code=1
    )
    assert "There was an error processing assignment 'challenge' for student 'ada'" in output
    assert course.scores("challenge", "ada") == before
    output = course.nbgrader("autograde", "challenge", "--student", "ada", "--force")
    assert "taken from the store" in output and "Training run" not in output
    assert course.scores("challenge", "ada") == before


@WHATEVER_THE_DATABASE
def test_no_execute_is_refused_and_the_old_score_stays(course):
    before = course.scores("challenge", "eli")
    output = course.nbgrader("autograde", "challenge", "--student", "eli", "--force", "--no-execute", code=1)
    assert "--no-execute would take the points from outputs that students saved" in output
    assert course.scores("challenge", "eli") == before
    course.nbgrader("autograde", "challenge", "--student", "eli", "--force")


def test_feedback_shows_students_the_report(course):
    course.nbgrader("generate_feedback", "challenge", "--student", "cy")
    page = (course.root / "feedback" / "cy" / "challenge" / "challenge.html").read_text()
    assert "Not passed yet: the accuracy was not held." in page and "What to try next" in page
    assert f"data:image/png;base64,{PICTURE}" in page  # pasted into the report
    assert "The picture nothing.png is not here" in page


@WHATEVER_THE_DATABASE
def test_feedback_tells_who_has_lost_metadata(course):
    course.nbgrader("generate_feedback", "challenge", "--student", "jo")
    page = (course.root / "feedback" / "jo" / "challenge" / "challenge.html").read_text()
    assert "grades them like all others, so nothing is lost" in page


def test_canvas_and_moodle_get_every_exercise_and_empty_fields_for_what_waits_for_a_person(course):
    assert cell(course.autograded("challenge", "ada"), "report")
    course.nbgrader_at_once(
        "export --to=grades.csv",
        "export --exporter=autograder.nbgrader_plugins.CanvasExport --to=canvas.csv",
        "export --exporter=autograder.nbgrader_plugins.MoodleExport --to=moodle.csv",
    )
    with (course.root / "grades.csv").open() as file:
        assert {row["student_id"] for row in csv.DictReader(file)} == set(RECIPES)
    with (course.root / "canvas.csv").open(newline="") as file:
        first, *rows = csv.DictReader(file)
    by_login = {row["SIS Login ID"]: row for row in rows}
    assert first["Student"].strip() == "Points Possible" and first["challenge: trained_score"] == "10"
    assert set(by_login) == set(RECIPES)
    ada, gus = by_login["ada"], by_login["gus"]
    assert ada["Student"] == "Student, Ada" and ada["SIS User ID"] == "100"
    assert (ada["challenge: trained_score"], ada["challenge: report"], ada["challenge: total"]) == ("10", "", "")
    assert {gus[title] for title in gus if title.startswith("challenge: ")} == {"0"}
    with (course.root / "moodle.csv").open(newline="") as file:
        moodle = {row["Username"]: row for row in csv.DictReader(file)}
    assert moodle["dora"]["Email address"] == "dora@example.org"
    assert moodle["dora"]["challenge: trained_score"] == "0"
    exercises = {title for title in ada if title.startswith("challenge: ")} - {"challenge: total"}
    assert exercises == {f"challenge: {name}" for name in course.scores("challenge", "ada")}


@WHATEVER_THE_DATABASE
def test_who_hands_in_a_file_that_is_no_notebook_gets_a_report_that_says_so(course):
    broken = course.root / "submitted" / "ivy" / "challenge" / "challenge.ipynb"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"\xff\xfePK my photo")
    course.nbgrader("autograde", "challenge", "--student", "ivy")
    scores = course.scores("challenge", "ivy")
    assert scores == {name: None if name == "report" else 0.0 for name in course.scores("challenge", "ada")}
    assert "challenge.ipynb is not a notebook that can be read" in course.report("challenge", "ivy")
    assert "not a notebook that can be read" in course.autograded("challenge", "ivy").cells[0].source


@WHATEVER_THE_DATABASE
def test_killed_in_its_second_epoch_it_is_graded_when_it_is_started_again(course):
    source = course.root / "submitted" / "ada" / "challenge"
    shutil.copytree(source, course.root / "submitted" / "kim" / "challenge")
    command = [sys.executable, "-W", "ignore", "-m", "nbgrader", "autograde", "challenge", "--student", "kim"]
    longer = "--TrainedScore.reduced={'epochs': 2, 'train_images': 20000, 'test_images': 1000}"
    with subprocess.Popen(
        [*command, longer], cwd=course.root, env=environment(), stderr=subprocess.PIPE, text=True
    ) as killed:
        assert any("Epoch 1." in line for line in killed.stderr)
        killed.kill()
    output = course.nbgrader("generate_feedback", "challenge", "--student", "kim", code=1)
    assert "challenge of kim was not autograded to its end, so there is no feedback yet" in output
    output = course.nbgrader("autograde", "challenge", "--student", "kim")
    assert "challenge of kim was interrupted in its autograding, so it is autograded again" in output
    assert course.scores("challenge", "kim") == course.scores("challenge", "ada")
    commands = "generate_feedback challenge --student kim", "autograde challenge --student kim"
    assert "Skipping existing assignment" in course.nbgrader_at_once(*commands)


def test_at_the_end_gradebook_store_leaderboard_feedback_and_export_agree(course):
    found = course.autograder("audit")
    assert found["differences"] == [] and found["grades"] >= len(course.verdicts)


@WHATEVER_THE_DATABASE
def test_at_the_end_everybody_has_a_grade_or_a_reason(course):
    students = course.autograder("status", "challenge")["assignments"]["challenge"]["students"]
    states = {student["student"]: student["state"] for student in students}
    assert states == dict.fromkeys([*VERDICTS, "ivy", "kim"], "by_hand") | {"gus": "no_notebook"}
