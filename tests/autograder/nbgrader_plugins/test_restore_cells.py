"""Whatever a submission does to its cells' metadata, the gradebook decides which cells count."""

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum, is_grade

from autograder.nbgrader_plugins.restore_cells import RestoreCells
from tests.support.gradebooks import new_gradebook

NAMES = ("recipe", "counts", "report", "trained_score")
SOURCES = {"counts": "assert counted < 8000", "trained_score": "0.0", "recipe": "# yours", "report": "*yours*"}


def released():
    """The notebook as students get it."""

    def make(new, name, **given):
        flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3} | given
        cell = new(SOURCES[name], metadata={"nbgrader": {"grade_id": name, **flags}})
        cell.metadata.nbgrader.checksum = compute_checksum(cell)
        return cell

    return new_notebook(
        cells=[
            new_markdown_cell("An introduction."),
            make(new_code_cell, "recipe", solution=True),
            make(new_code_cell, "counts", grade=True, locked=True, points=2),
            make(new_markdown_cell, "report", grade=True, solution=True, points=3),
            make(new_code_cell, "trained_score", grade=True, locked=True, points=10),
        ]
    )


@pytest.fixture(scope="module")
def restore(tmp_path_factory):
    """A function that restores a submission from a gradebook that has the notebook."""
    db_url = new_gradebook(tmp_path_factory.mktemp("gradebook"))
    with Gradebook(db_url) as gradebook:
        gradebook.add_assignment("challenge")
        gradebook.add_notebook("challenge", "challenge")
        names = ("challenge", "challenge")  # of the notebook and the assignment
        for cell in released().cells[1:]:
            metadata = cell.metadata.nbgrader
            if metadata.grade:
                gradebook.add_grade_cell(metadata.grade_id, *names, max_score=metadata.points, cell_type=cell.cell_type)
            if metadata.solution:
                gradebook.add_solution_cell(metadata.grade_id, *names)
            gradebook.add_source_cell(
                metadata.grade_id,
                *names,
                cell_type=cell.cell_type,
                source=cell.source,
                checksum=metadata.checksum,
                locked=metadata.locked,
            )
        text = "What does ![the curve](attachment:curve%201.png) show?"
        gradebook.add_source_cell("figure", *names, cell_type="markdown", source=text, checksum="0" * 32, locked=True)

    def run(notebook):
        names = {"db_url": db_url, "notebook": "challenge", "assignment": "challenge"}
        restored = RestoreCells().preprocess(notebook, {"nbgrader": names})[0]
        MetadataValidator().validate_nb(restored)
        nbformat.validate(restored)
        return restored

    return run


def nbgrader_cells(notebook):
    return {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}


def cell_named(notebook, name):
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def test_an_honest_submission_stays_as_it_is(restore):
    notebook = released()
    cell_named(notebook, "recipe").source = "recipe = 1"
    before = [(c.cell_type, c.source, c.id) for c in notebook.cells]
    assert [(c.cell_type, c.source, c.id) for c in restore(notebook).cells] == before


def deleted(notebook):
    notebook.cells = [c for c in notebook.cells if "nbgrader" not in c.metadata]


def renamed(notebook):
    for number, cell in enumerate(nbgrader_cells(notebook).values()):
        cell.metadata.nbgrader.grade_id = f"other-{number}"


def doubled(notebook):
    for cell in list(nbgrader_cells(notebook).values()):
        notebook.cells.append(nbformat.from_dict({**cell, "id": f"again-{len(notebook.cells)}", "source": "10.0"}))


def emptied(notebook):
    for cell in nbgrader_cells(notebook).values():
        cell.source = ""


def demoted(notebook):
    for cell in nbgrader_cells(notebook).values():
        cell.metadata.nbgrader |= {"grade": False, "locked": False, "points": 1e9, "checksum": "0"}


def promoted(notebook):
    for cell in nbgrader_cells(notebook).values():
        cell.metadata.nbgrader.solution = True


def from_another_age(notebook):
    for cell, version in zip(nbgrader_cells(notebook).values(), (1, 99, "x", None), strict=True):
        cell.metadata.nbgrader.schema_version = version


def malformed(notebook):
    for cell, metadata in zip(
        nbgrader_cells(notebook).values(), (None, [], {"grade_id": []}, {"grade": True}), strict=True
    ):
        cell.metadata.nbgrader = metadata


def retyped(notebook):
    for cell in list(nbgrader_cells(notebook).values()):
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
        cell = cell_named(restored, name)
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


def stripped(*, of=NAMES):
    """The release with an answer, after an editor that keeps the cells' ids and has dropped nbgrader's metadata."""
    notebook = released()
    cell_named(notebook, "recipe").source = "recipe = 1"
    for name, cell in nbgrader_cells(notebook).items():
        cell.id = name
        if name in of:
            cell.metadata = nbformat.from_dict({"tags": ["skip-execution"]})
    return notebook


@given(of=st.sets(st.sampled_from(NAMES), min_size=1))
def test_cells_without_metadata_are_known_by_their_ids_and_the_notebook_says_so(restore, of):
    notice, *cells = restore(stripped(of=of)).cells
    kept = restore(stripped(of=())).cells
    assert [(c.source, c.metadata) for c in cells] == [(c.source, c.metadata) for c in kept]
    assert [c.id for c in cells[1:]] == list(NAMES)
    names = ", ".join(f"`{name}`" for name in NAMES if name in of)
    assert f"removed nbgrader's metadata from {len(of)} of this notebook's cells: {names}." in notice.source


def test_a_locked_cell_that_is_known_by_its_id_holds_what_was_released(restore):
    notebook = stripped()
    for cell in notebook.cells:
        if cell.id in ("counts", "trained_score"):
            cell.source = "10.0"
    cells = nbgrader_cells(restore(notebook))
    assert {name: cells[name].source for name in ("counts", "trained_score")} == {
        name: SOURCES[name] for name in ("counts", "trained_score")
    }
    assert cells["counts"].metadata.nbgrader.locked and cells["counts"].metadata.nbgrader.points == 2


def test_no_cell_takes_the_place_of_one_with_metadata_by_its_id(restore):
    notebook = released()
    notebook.cells[0].id = "counts"
    notebook.cells.append(new_code_cell("assert True", id="trained_score"))
    restored = restore(notebook)
    assert [c.metadata.nbgrader.grade_id for c in restored.cells if "nbgrader" in c.metadata] == list(NAMES)
    assert [c.source for c in restored.cells] == [c.source for c in notebook.cells]


def test_who_has_lost_metadata_and_ids_is_told_what_to_do_and_keeps_every_cell(restore):
    notebook = stripped()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"other-{number}"
    restored = restore(notebook)
    assert "Fetch the assignment again, copy your answers into its cells" in restored.cells[0].source
    assert [c.metadata.nbgrader.grade_id for c in restored.cells if is_grade(c)] == [
        "counts",
        "report",
        "trained_score",
    ]
    assert "recipe = 1" in [c.source for c in restored.cells]


def test_a_file_that_was_no_notebook_is_not_told_of_an_editor(restore):
    restored = restore(new_notebook(cells=[new_markdown_cell("not a notebook")]))
    assert [c.source for c in restored.cells if "nbgrader" not in c.metadata] == ["not a notebook"]


PNG = {"image/png": "iVBORw0KGgo="}


def test_a_picture_pasted_into_an_answer_stays_and_one_in_a_locked_cell_does_not(restore):
    notebook = released()
    cell_named(notebook, "report").attachments = {"curve.png": PNG}
    own = new_markdown_cell("my own cell ![](attachment:a.png)", attachments={"a.png": PNG})
    notebook.cells.append(own)
    restored = restore(notebook)
    assert cell_named(restored, "report").attachments == {"curve.png": PNG}
    assert restored.cells[-1].attachments == {"a.png": PNG}
    assert [c for c in restored.cells if "attachments" in c] == [cell_named(restored, "report"), restored.cells[-1]]


def test_the_picture_that_a_locked_cell_shows_stays_and_nothing_else_in_it(restore):
    notebook = released()
    metadata = {"nbgrader": {"grade_id": "figure", "locked": True}}
    pictures = {"curve 1.png": PNG, "other.png": PNG}
    notebook.cells.append(new_markdown_cell("rewritten", metadata=metadata, attachments=pictures))
    restored = cell_named(restore(notebook), "figure")
    assert restored.source.startswith("What does") and restored.attachments == {"curve 1.png": PNG}


def test_a_test_cell_that_was_made_a_markdown_cell_with_pictures_is_a_test_cell_again(restore):
    notebook = released()
    retyped(notebook)
    assert not [c for c in restore(notebook).cells if "attachments" in c]
