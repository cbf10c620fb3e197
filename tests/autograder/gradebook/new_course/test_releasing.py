"""Lessons are released and entered into the gradebook again and again without loss; a refusal is told."""

import os
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

from autograder.authoring.lessons import ROOT
from autograder.authoring.release import make_release
from autograder.gradebook.new_course import releasing
from autograder.gradebook.new_course.lessons import notebook_path
from autograder.gradebook.new_course.releasing import release_with_gradebook
from autograder.gradebook.settings import CONFIG
from course.errors import GraderError, UsageError
from course.files import write_atomically
from tests.support.files import files_below


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course of one notebook."""
    monkeypatch.setenv("PATH", os.environ["PATH"])  # it is given nbgrader's programs, and gets its own back
    shutil.copy(ROOT / CONFIG, tmp_path)
    test = {"grade": True, "grade_id": "a_test", "locked": True, "points": 2, "solution": False, "schema_version": 3}
    cells = [new_code_cell("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", metadata=answer()), new_code_cell("assert x")]
    cells[1].metadata.nbgrader = test | {"task": False}
    path = notebook_path(tmp_path, "source", "one")
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), path)
    return tmp_path


def answer():
    flags = {"grade": False, "grade_id": "an_answer", "locked": False, "solution": True, "task": False}
    return {"nbgrader": flags | {"schema_version": 3}}


def test_a_course_can_be_made_again_and_again_without_loss(root):
    release_with_gradebook(root, "one")
    db_url = f"sqlite:///{root / 'gradebook.db'}"
    with Gradebook(db_url, "under8k") as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission("one", "ada")
        gradebook.find_grade("a_test", "one", "one", "ada").auto_score = 2
        gradebook.db.commit()
    released = notebook_path(root, "release", "one").read_bytes()
    release_with_gradebook(root, "one")
    assert notebook_path(root, "release", "one").read_bytes() == released
    assert released.decode() == make_release(root, "one")
    with Gradebook(db_url, "under8k") as gradebook:
        assert gradebook.find_grade("a_test", "one", "one", "ada").auto_score == 2


def test_a_cell_that_comes_after_the_first_hand_in_leaves_the_release_and_is_told_with_nbgraders_words(root):
    release_with_gradebook(root, "one")
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "under8k") as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission("one", "ada")
    before = files_below(root / "release")
    source = notebook_path(root, "source", "one")
    notebook = nbformat.read(source, as_version=4)
    cell = new_code_cell("assert x == 1", metadata=notebook.cells[1].metadata | {})
    cell.metadata.nbgrader = dict(cell.metadata.nbgrader) | {"grade_id": "another_test"}
    notebook.cells.append(cell)
    nbformat.write(notebook, source)
    with pytest.raises(GraderError) as told:
        release_with_gradebook(root, "one")
    assert "Cannot add or remove cells for notebook 'one' because there are submissions" in str(told.value)
    assert "nbgrader db assignment remove one --force" in str(told.value)
    assert files_below(root / "release") == before != {}
    assert not list(root.glob(".release-*"))


def test_a_file_that_is_no_longer_in_the_source_leaves_the_release(root):
    figure = root / "source" / "one" / "figures" / "a.txt"
    write_atomically(figure, "a")
    release_with_gradebook(root, "one")
    assert (root / "release" / "one" / "figures" / "a.txt").read_text() == "a"
    figure.unlink()
    release_with_gradebook(root, "one")
    assert [path.name for path in (root / "release" / "one").rglob("*") if path.is_file()] == ["one.ipynb"]


def test_a_gradebook_of_another_version_is_told_before_anything_is_released(tmp_path, monkeypatch):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.db_url = 'sqlite:///old.db'\n")
    monkeypatch.setattr(releasing, "gradebook_problem", lambda url: f"Upgrade {url} with `nbgrader db upgrade`.")
    with pytest.raises(UsageError, match=r"Upgrade sqlite:///old\.db with `nbgrader db upgrade`"):
        release_with_gradebook(tmp_path, "challenge")
    assert [path.name for path in tmp_path.iterdir()] == ["nbgrader_config.py"]
