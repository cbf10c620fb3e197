"""`autograder verify` and `autograder explain`."""

import json
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from autograder.cli.main import main
from autograder.console import ExitCode
from autograder.grading.options import Options, ReducedRun
from autograder.grading.pipeline import grade
from autograder.store import open_store
from tests.support.courses import MadeUpCourse, contents
from tests.support.judged_attempts import grade_made_up
from tests.support.listeners import RecordingListener
from tests.support.recipes import TINY
from tests.support.stores import execute, hand_in

ignores_warnings = pytest.mark.filterwarnings("ignore")  # of nbgrader's own use of SQLAlchemy


@pytest.fixture
def path(tmp_path) -> str:
    """A store with one graded attempt."""
    path = str(tmp_path / "results.db")
    with open_store(path) as store:
        hand_in(store, "ada")
    return path


def verify(path: str, *arguments: str):
    return CliRunner().invoke(main, ["verify", "--store", path, *arguments])


def test_an_untouched_store_is_confirmed_with_the_end_of_its_chain(path):
    result = verify(path)
    with open_store(path) as store:
        count, end = store.chain_end()
    assert result.exit_code == 0
    assert result.stdout == f"{count} records of {path} checked: all is as it was written.\nend of the chain: {end}\n"
    assert verify(path, "--end", end).exit_code == 0


def test_a_record_that_was_changed_by_hand_is_reported(path):
    with open_store(path) as store:
        execute(store, "UPDATE verdicts SET verdict = 'fail'")
    result = verify(path)
    assert result.exit_code == 1 and "as they were written" not in result.stdout
    assert len(result.stdout.splitlines()) == 2


def test_an_end_that_is_not_in_the_chain_is_reported(path):
    assert verify(path, "--end", "0" * 64).exit_code == 1


# --- explain


@pytest.fixture
def course(tmp_path) -> MadeUpCourse:
    """Ada is graded, with a run that was made up; Nadia has handed in."""
    course = MadeUpCourse(tmp_path)
    course.hand_in("ada")
    course.hand_in("nadia")
    with open_store(str(course.store_path)) as store:
        grade_made_up(store, "ada", [[9_800, 9_970, 9_970]])
    return course


def explain(folder: object, *arguments: object):
    given = [str(argument) for argument in ("explain", folder, *arguments)]
    return CliRunner().invoke(main, given, env={"COLUMNS": "80"})


@ignores_warnings
def test_explain_finds_the_store_by_the_course_or_its_submitted_folder_and_changes_nothing(course):
    before = contents(course.root)
    shown = explain(course.root, "--student", "ada")
    assert shown.exit_code == 0, shown.output
    assert (
        shown.stdout.startswith("ada, challenge: pass\n") and "Intact: each is as the grader wrote it." in shown.stdout
    )
    assert explain(course.root / "submitted", "--student", "ada").stdout == shown.stdout
    assert explain(course.root.parent, "--student", "ada", "--store", course.store_path).exit_code == 0
    assert contents(course.root) == before


@ignores_warnings
def test_explain_writes_a_page_and_json(course, tmp_path):
    path = tmp_path / "pages" / "ada.html"
    shown = explain(course.root, "--student", "ada", "--html", path)
    assert shown.exit_code == 0 and shown.stdout.endswith(f"Written: {path}\n")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    data = json.loads(explain(course.root, "--student", "ada", "--json").stdout)
    assert (data["verdict"], data["number"], data["rerun"]) == ("pass", 1, None)


@ignores_warnings
def test_a_page_is_whole_also_where_nobody_reads_what_is_printed(course, tmp_path, monkeypatch):
    path = tmp_path / "ada.html"
    monkeypatch.setattr("autograder.gradebook.explain.terminal.print_headline", Mock(side_effect=BrokenPipeError))
    monkeypatch.setattr("autograder.console.commands.discard_output", lambda: None)
    assert explain(course.root, "--student", "ada", "--html", path).exit_code == ExitCode.BROKEN_PIPE
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


@ignores_warnings
def test_explain_answers_what_cannot_be_explained_with_the_next_step_and_code_2(course, tmp_path):
    unknown = explain(course.root, "--student", "adda")
    assert unknown.exit_code == 2 and "Did you mean 'ada' or 'nadia'? `autograder status`" in unknown.stderr
    waiting = explain(course.root, "--student", "nadia")
    assert waiting.exit_code == 2 and "`autograder batch` grades what was handed in" in waiting.stderr
    unwritable = explain(course.root, "--student", "ada", "--html", tmp_path / "results.db" / "ada.html")
    assert unwritable.exit_code == 2 and "cannot be written" in unwritable.stderr


@ignores_warnings
def test_explain_shows_a_record_that_was_changed_and_ends_with_code_1(course):
    with open_store(str(course.store_path)) as store:
        execute(store, "UPDATE epochs SET correct = 9999 WHERE epoch = 3")
    shown = explain(course.root, "--student", "ada")
    assert shown.exit_code == 1
    assert "9,999" in shown.stdout and "Of this attempt: The record epochs 1/3" in shown.stdout


@ignores_warnings
def test_rerun_of_what_was_never_trained_shows_the_evidence_and_says_why_not(course):
    with open_store(str(course.store_path)) as store:
        grade_made_up(store, "ben", numbers=9_000)
    shown = explain(course.root, "--student", "ben", "--rerun")
    assert shown.exit_code == 2
    assert shown.stdout.startswith("ben, challenge: refused") and "rests on no training" in shown.stderr


@ignores_warnings
@pytest.mark.training
@pytest.mark.usefixtures("warm")
def test_rerun_trains_with_progress_and_ends_with_code_0_if_equal_and_1_if_not(tmp_path):
    course = MadeUpCourse(tmp_path)
    path = tmp_path / "recipe.py"
    path.write_text(TINY)
    options = Options(reduced=ReducedRun(2, 600, 500), seeds=1, device="cpu")
    with open_store(str(course.store_path)) as store:
        grade(path, options, RecordingListener(), store=store, student="ada")
    equal = explain(course.root, "--student", "ada", "--rerun")
    assert equal.exit_code == 0, equal.output
    assert "Equal: all numbers of 1 run and 2 epochs" in equal.stdout and "EPOCH: 2" in equal.stderr
    with open_store(str(course.store_path)) as store:
        execute(store, "UPDATE epochs SET train_correct = train_correct + 1 WHERE epoch = 1")
    changed = explain(course.root, "--student", "ada", "--rerun", "--json")
    (number,) = json.loads(changed.stdout)["rerun"]["changed"]
    assert changed.exit_code == 1 and (number["epoch"], number["name"]) == (1, "train_correct")
