"""`make course`: a clone becomes a working course, and stays one, whatever is in its gradebook by then."""

import os
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

from autograder.authoring import lessons
from autograder.authoring.lessons import CONFIG, ROOT


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course of one notebook."""
    monkeypatch.setenv("PATH", os.environ["PATH"])  # it is given nbgrader's programs, and gets its own back
    shutil.copy(ROOT / CONFIG, tmp_path)
    test = {"grade": True, "grade_id": "a_test", "locked": True, "points": 2, "solution": False, "schema_version": 3}
    cells = [new_code_cell("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", metadata=answer()), new_code_cell("assert x")]
    cells[1].metadata.nbgrader = test | {"task": False}
    path = lessons.notebook(tmp_path, "source", "one")
    path.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), path)
    return tmp_path


def answer():
    flags = {"grade": False, "grade_id": "an_answer", "locked": False, "solution": True, "task": False}
    return {"nbgrader": flags | {"schema_version": 3}}


@pytest.mark.filterwarnings("ignore")  # nbgrader's own way with SQLAlchemy
def test_a_course_can_be_made_again_and_again_without_loss(root):
    lessons.enrolled(root, "one")
    db_url = f"sqlite:///{root / 'gradebook.db'}"
    with Gradebook(db_url, "under8k") as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission("one", "ada")
        gradebook.find_grade("a_test", "one", "one", "ada").auto_score = 2
        gradebook.db.commit()
    released = lessons.notebook(root, "release", "one").read_bytes()
    lessons.enrolled(root, "one")
    assert lessons.notebook(root, "release", "one").read_bytes() == released
    assert released.decode() == lessons.released(root, "one")
    with Gradebook(db_url, "under8k") as gradebook:
        assert gradebook.find_grade("a_test", "one", "one", "ada").auto_score == 2
