"""Notebooks that are executed as `nbgrader autograde` does it, without nbgrader's commands around them."""

from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade

from autograder.nbgrader_plugins.execute import SandboxedExecute

POINTS = 4.0


def graded_cell(source, name="a_test"):
    metadata = {
        "grade": True,
        "grade_id": name,
        "locked": True,
        "points": POINTS,
        "solution": False,
        "schema_version": 3,
    }
    return new_code_cell(source, metadata={"nbgrader": metadata})


def run_notebook(*cells, folder=None, assignment="", **settings):
    """The cells (a string is an ordinary code cell) after they were run as autograde does it."""
    notebook = new_notebook(cells=[new_code_cell(c) if isinstance(c, str) else c for c in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    resources = {"metadata": {"path": str(folder)}} if folder else {}
    resources["nbgrader"] = {"assignment": assignment}
    execute = SandboxedExecute(timeout=10, **settings)
    return execute(notebook, resources)[0].cells


def points(cell):
    return determine_grade(cell)[0]


def text_of(cell):
    return "".join(o.get("text", "") or "\n".join(o.get("traceback", [])) for o in cell.outputs)
