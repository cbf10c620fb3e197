"""Fixtures for what is generated from lessons: courses of small notebooks."""

import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.authoring.lessons import ROOT
from autograder.gradebook.new_course.lessons import notebook_path
from autograder.gradebook.settings import CONFIG
from course.files import write_atomically


@pytest.fixture
def course_of(tmp_path):
    """Makes a course of notebooks: name -> the code of each cell. Returns its folder."""

    metadata = nbformat.read(notebook_path(ROOT, "source", "challenge"), as_version=4).metadata

    def make(**notebooks):
        shutil.copy(ROOT / CONFIG, tmp_path)
        for name, sources in notebooks.items():
            cells = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
            notebook = new_notebook(cells=cells, metadata=metadata)
            write_atomically(notebook_path(tmp_path, "source", name), nbformat.writes(notebook))
        return tmp_path

    return make
