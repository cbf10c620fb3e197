"""The trained cell: what is trained, and what is not."""

from nbformat.v4 import new_code_cell, new_notebook

from autograder.nbgrader_plugins.trained_score import TrainedScore


def test_an_assignment_without_a_recipe_is_left_alone():
    notebook = new_notebook(cells=[new_code_cell("1")])
    assert TrainedScore().preprocess(notebook, {})[0].cells[0].source == "1"
