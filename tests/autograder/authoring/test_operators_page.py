"""The page of allowed operators is generated from the list itself."""

from pathlib import Path

from autograder.authoring.operators_page import operators_page


def test_the_list_for_students_is_the_list():
    page = Path(__file__).parents[3] / "docs" / "operators.md"
    command = "python -m autograder.authoring operators docs"
    assert page.read_text() == operators_page(), f"run: {command}"
