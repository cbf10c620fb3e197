"""What an instructor's browser is shown of a student's text."""

import pytest

from autograder.nbgrader_plugins.markdown import markdown_to_html


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
