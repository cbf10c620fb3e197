"""`check_submission`: the grader's own words, on the student's machine, before anything is handed in."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder.grading.options import Options
from autograder.grading.pipeline import inspect_only
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.sandbox import best_tier
from course import check_submission, data
from course.notebook.check import NotReady, check_recipe
from course.training import initial_accuracy
from tests.support.listeners import RecordingListener
from tests.support.recipes import TINY, TINY_COUNT


@pytest.fixture(scope="module")
def recipe_sandbox():
    with RecipeSandbox(best_tier(), warm=True) as opened:
        yield opened


def test_the_report_on_a_recipe_that_may_be_trained_has_its_numbers_and_what_is_left():
    report = check_recipe(TINY, "challenge")
    assert f"{TINY_COUNT} parameters counted, 7,999 allowed" in report
    assert "Nothing would be refused." in report and "99.40%" in report
    line = TINY.splitlines().index("        x = F.relu(self.norm(self.conv(x)))") + 1
    assert f"\nRemark: Line {line}: The biases in front of batch norms (conv) are 4 of {TINY_COUNT}" in report


@pytest.mark.parametrize(
    "source",
    [
        TINY.replace("epochs=3", "epochs=99"),
        TINY.replace("nn.Linear(4, 10)", "nn.Linear(4, 3000)"),
        TINY.replace("from course import Recipe", ""),
        "%matplotlib inline\nrecipe = 1",
        "import sys\nsys.exit(0)",
    ],
    ids=["too-long", "too-many", "import-in-another-cell", "magic", "exits"],
)
def test_what_would_be_refused_is_said_in_the_graders_own_words(source, tmp_path, recipe_sandbox):
    path = tmp_path / "work.py"
    path.write_text(source)
    graded = inspect_only(path, Options(), RecordingListener(), recipe_sandbox)
    assert graded.reasons
    with pytest.raises(NotReady) as refused:
        check_recipe(source, "challenge")
    assert str(refused.value).splitlines() == [
        "The grader would refuse this recipe:",
        *(f"- {reason}" for reason in graded.reasons),
    ]


def test_a_recipe_that_knows_digits_before_it_is_trained_is_refused_here_too(monkeypatch):
    monkeypatch.setattr(initial_accuracy, "MAX_INITIAL_ACCURACY", 0.01)
    with pytest.raises(NotReady, match="Before any training the network's outputs tell"):
        check_recipe(TINY, "challenge")


def test_without_the_digits_the_rest_is_checked(monkeypatch):
    monkeypatch.setattr(initial_accuracy, "MAX_INITIAL_ACCURACY", 0.01)
    monkeypatch.setattr(data.DataSet, "is_available", lambda _: False)
    assert "Nothing would be refused." in check_recipe(TINY, "challenge")


def test_an_assignment_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(NotReady, match=r"The assignments are: .*challenge"):
        check_recipe(TINY, "lesson9")


def test_what_a_recipe_prints_is_not_part_of_the_report():
    assert "nonsense" not in check_recipe("print('nonsense')\n" + TINY, "challenge")


def test_outside_of_a_notebook_the_command_is_named():
    with pytest.raises(NotReady, match="autograder inspect FILE"):
        check_submission()


def test_nothing_is_checked_while_nbgrader_grades(monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check_submission() == 0.0
    assert "The grader trains the recipe itself" in capsys.readouterr().out


@pytest.mark.slow
def test_a_notebook_shows_the_sentences_and_no_traceback():
    cells = [
        TINY,
        "recipe2 = recipe",
        "check_submission()",
        "recipe = Recipe(model=Net, optimizer=SGD)",
        "check_submission()",
    ]
    notebook = new_notebook(cells=[new_code_cell("from course import check_submission"), *map(new_code_cell, cells)])
    NotebookClient(notebook, allow_errors=True, coalesce_streams=True, timeout=120).execute()
    fine, broken = notebook.cells[3].outputs, notebook.cells[5].outputs
    assert "cell [2]" in fine[0].text and "Nothing would be refused." in fine[0].text and len(fine) == 1
    error = next(o for o in broken if o.output_type == "error")
    assert error.ename == "NotReady"
    assert error.traceback[0] == "The grader would refuse this recipe:"
    assert "name 'Recipe' is not defined" in "\n".join(error.traceback) and "Traceback" not in "\n".join(
        error.traceback
    )
    nbformat.validate(notebook)
