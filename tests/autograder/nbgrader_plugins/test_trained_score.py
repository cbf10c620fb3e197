"""What a submission does to its cells' metadata does not count; and what a verdict is worth."""

from dataclasses import replace

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum, is_grade

from autograder.grading.pipeline import Cut, Options
from autograder.nbgrader_plugins import report
from autograder.nbgrader_plugins.markdown import markdown_to_html
from autograder.nbgrader_plugins.trained_score import RestoreCells, TrainedScore, _ending
from autograder.store.records import Result, RunRecord
from course.training.loop import EpochResult
from tests.support.classroom import environment

NAMES = ("recipe", "counts", "report", "trained_score")
SOURCES = {"counts": "assert counted < 8000", "trained_score": "0.0", "recipe": "# yours", "report": "*yours*"}


def released():
    """The notebook as students get it."""

    def of(new, name, **more):
        flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3} | more
        cell = new(SOURCES[name], metadata={"nbgrader": {"grade_id": name, **flags}})
        cell.metadata.nbgrader.checksum = compute_checksum(cell)
        return cell

    return new_notebook(
        cells=[
            new_markdown_cell("An introduction."),
            of(new_code_cell, "recipe", solution=True),
            of(new_code_cell, "counts", grade=True, locked=True, points=2),
            of(new_markdown_cell, "report", grade=True, solution=True, points=3),
            of(new_code_cell, "trained_score", grade=True, locked=True, points=10),
        ]
    )


@pytest.fixture(scope="module")
def restore(tmp_path_factory):
    """Restores a submission by a gradebook that knows the notebook."""
    db_url = f"sqlite:///{tmp_path_factory.mktemp('gradebook') / 'gradebook.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environment()["PATH"])  # nbgrader makes its tables with the program `alembic`
        Gradebook(db_url).close()
    with Gradebook(db_url) as gradebook:
        gradebook.add_assignment("challenge")
        gradebook.add_notebook("challenge", "challenge")
        at = ("challenge", "challenge")
        for cell in released().cells[1:]:
            known = cell.metadata.nbgrader
            if known.grade:
                gradebook.add_grade_cell(known.grade_id, *at, max_score=known.points, cell_type=cell.cell_type)
            if known.solution:
                gradebook.add_solution_cell(known.grade_id, *at)
            gradebook.add_source_cell(
                known.grade_id,
                *at,
                cell_type=cell.cell_type,
                source=cell.source,
                checksum=known.checksum,
                locked=known.locked,
            )

    def run(notebook):
        place = {"db_url": db_url, "notebook": "challenge", "assignment": "challenge"}
        restored = RestoreCells().preprocess(notebook, {"nbgrader": place})[0]
        MetadataValidator().validate_nb(restored)
        nbformat.validate(restored)
        return restored

    return run


def known(notebook):
    return {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}


def at(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def test_an_honest_submission_stays_as_it_is(restore):
    notebook = released()
    at(notebook, "recipe").source = "recipe = 1"
    before = [(c.cell_type, c.source, c.id) for c in notebook.cells]
    assert [(c.cell_type, c.source, c.id) for c in restore(notebook).cells] == before


def deleted(notebook):
    notebook.cells = [c for c in notebook.cells if "nbgrader" not in c.metadata]


def renamed(notebook):
    for number, cell in enumerate(known(notebook).values()):
        cell.metadata.nbgrader.grade_id = f"other-{number}"


def doubled(notebook):
    for cell in list(known(notebook).values()):
        notebook.cells.append(nbformat.from_dict({**cell, "id": f"again-{len(notebook.cells)}", "source": "10.0"}))


def emptied(notebook):
    for cell in known(notebook).values():
        cell.source = ""


def demoted(notebook):
    for cell in known(notebook).values():
        cell.metadata.nbgrader |= {"grade": False, "locked": False, "points": 1e9, "checksum": "0"}


def promoted(notebook):
    for cell in known(notebook).values():
        cell.metadata.nbgrader.solution = True


def from_another_age(notebook):
    for cell, version in zip(known(notebook).values(), (1, 99, "x", None), strict=True):
        cell.metadata.nbgrader.schema_version = version


def malformed(notebook):
    for cell, metadata in zip(known(notebook).values(), (None, [], {"grade_id": []}, {"grade": True}), strict=True):
        cell.metadata.nbgrader = metadata


def retyped(notebook):
    for cell in list(known(notebook).values()):
        cell.cell_type = "markdown" if cell.cell_type == "code" else "raw"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
        cell.attachments = {"a.png": {"image/png": ""}}


@pytest.mark.parametrize(
    "change",
    [deleted, renamed, doubled, emptied, demoted, promoted, from_another_age, malformed, retyped],
    ids=lambda change: change.__name__,
)
def test_no_change_to_its_cells_takes_a_test_out_of_a_submission_or_changes_it(restore, change):
    notebook = released()
    change(notebook)
    restored = restore(notebook)
    graded = [c.metadata.nbgrader.grade_id for c in restored.cells if is_grade(c)]
    assert sorted(graded) == sorted(["counts", "report", "trained_score"])
    for name, points in {"counts": 2, "trained_score": 10}.items():
        cell = at(restored, name)
        assert (
            cell.cell_type == "code" and cell.source.endswith(SOURCES[name]) and cell.metadata.nbgrader.points == points
        )
        assert cell.metadata.nbgrader.locked and not cell.metadata.nbgrader.solution
    order = [c.metadata.nbgrader.grade_id for c in restored.cells if c.metadata.get("nbgrader", {}).get("locked")]
    assert order == ["counts", "trained_score"]


@given(removed=st.sets(st.sampled_from(NAMES)))
def test_missing_cells_come_back_in_the_order_of_the_release(restore, removed):
    notebook = released()
    notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in removed]
    names = [c.metadata.nbgrader.grade_id for c in restore(notebook).cells if "nbgrader" in c.metadata]
    assert names == [name for name in NAMES if name != "recipe" or name not in removed]


# --- what a verdict is worth

RULE = 9_940


def epochs(*correct):
    return tuple(EpochResult(i, 0.1, 0.1, 59_000, 60_000, 0.1, c, 10_000) for i, c in enumerate(correct, start=1))


def result(verdict, *runs, reasons=("Run 1: a reason.",), **more):
    records = tuple(RunRecord(i, "cpu", "a processor", 1, epochs(*run), 1.0) for i, run in enumerate(runs, start=1))
    return Result("challenge.ipynb", "challenge", verdict, reasons, runs=records, **more)


@pytest.mark.parametrize(
    ("verdict", "runs", "expected"),
    [
        ("pass", [[9_940, 9_941]], 1.0),
        ("borderline", [[9_940, 9_941], [9_900, 9_900]], 1.0),
        ("fail", [[9_870, 9_999]], 0.25),
        ("fail", [[9_800, 9_800]], 0.0),
        ("fail", [[5_000, 5_000]], 0.0),
        ("fail", [[9_940, 9_940], [9_870, 9_870], [9_800, 9_800]], 0.25),
        ("refused", [], 0.0),
        ("error", [], 0.0),
    ],
)
def test_points_are_whole_for_a_pass_none_for_a_refusal_and_in_between_as_the_course_says(verdict, runs, expected):
    graded = result(verdict, *runs)
    assert report.share(graded, Options(), partial_credit=0.5, partial_from=0.98) == pytest.approx(expected)
    assert report.share(graded, Options(), partial_credit=0.0, partial_from=0.98) == float(expected == 1.0)


@given(correct=st.lists(st.integers(0, 10_000), min_size=2, max_size=15), credit=st.floats(0, 1), start=st.floats(0, 1))
def test_a_failed_run_never_gets_more_than_the_course_says(correct, credit, start):
    assert 0.0 <= report.share(result("fail", correct), Options(), credit, start) <= credit


def test_a_students_text_is_escaped_in_the_report():
    hostile = "Line 1: <script>alert(1)</script>\x1b[31m & \u202e"
    page = report.html(result("error", reasons=(hostile,)), Options(), 0.0, 10.0)
    assert "<script>" not in page and "&lt;script&gt;" in page and "\x1b" not in page and "\u202e" not in page


def test_a_report_passes_nbconverts_sanitizer_as_it_is():
    from nbconvert.filters.strings import clean_html

    graded = replace(result("fail", [9_900, 9_910], [9_920, 9_930]), official=False)
    page = report.html(graded, Options(cut=Cut(2, 2, 2, accuracy=0.999)), 1.5, 10.0)
    assert clean_html(page) == page
    assert "Not official" in page and "1.5 of 10 points" in page and "What to try next" in page


@pytest.mark.parametrize(
    ("correct", "trained", "fragment"),
    [
        ([9_930, 9_950, 9_900], 59_400, "was reached in epoch 2 and lost again"),
        ([9_800, 9_850, 9_870], 59_900, "learns digits by heart"),
        ([9_700, 9_750, 9_760], 58_000, "can learn more"),
    ],
)
def test_what_to_try_next_follows_from_the_curve(correct, trained, fragment):
    graded = result("fail", correct)
    run = replace(graded.runs[0], epochs=tuple(replace(e, train_correct=trained) for e in graded.runs[0].epochs))
    assert fragment in " ".join(report.next_steps(replace(graded, runs=(run,)), Options()))


def test_the_curve_is_a_picture_and_what_was_not_trained_has_none():
    assert report.pictures(result("fail", [9_900, 9_910]), Options())[0].startswith(b"\x89PNG")
    assert report.pictures(result("refused"), Options()) == []


def test_an_assignment_without_a_recipe_is_left_alone():
    notebook = new_notebook(cells=[new_code_cell("1")])
    assert TrainedScore().preprocess(notebook, {})[0].cells[0].source == "1"


def test_a_dead_kernel_is_named():
    assert "died" in _ending(DeadKernelError("Kernel died"))


# --- what an instructor's browser is shown


@pytest.mark.parametrize(
    "text",
    [
        "<script>x()</script>",
        "<img src=x onerror=x()>",
        "[here](javascript:x())",
        "```mermaid\n<img src=x onerror=x()>\n```",
        "$<img src=x onerror=x()>$",
    ],
)
def test_tags_in_an_answer_are_shown_as_text(text):
    class Context(dict):
        pass

    html = markdown_to_html(Context(cell={}), text)
    assert "<script" not in html and "<img" not in html and 'href="javascript' not in html


def test_an_answer_keeps_its_markdown():
    assert "<strong>bold</strong>" in markdown_to_html({}, "**bold**")
