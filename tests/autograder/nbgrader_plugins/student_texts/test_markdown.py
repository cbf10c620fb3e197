"""What an instructor's browser is shown of a student's text."""

import pytest

from autograder.nbgrader_plugins.student_texts.markdown import markdown_to_html


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


PIXEL = "iVBORw0KGgo="


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("![x](attachment:curve.png)", "curve.png"),
        ("![x](attachment:my%20curve.png)", "my curve.png"),
        ("![x](attachment:100%25.png)", "100%25.png"),
        ("![][1]\n\n[1]: attachment:curve.png", "curve.png"),
    ],
)
def test_a_pasted_picture_is_shown(text, name):
    html = markdown_to_html({"cell": {"attachments": {name: {"image/png": PIXEL}}}}, text)
    assert f'src="data:image/png;base64,{PIXEL}"' in html and "is not here" not in html


@pytest.mark.parametrize("attachments", [None, {}, {"other.png": {"image/png": PIXEL}}, {"nothing.png": {}}])
def test_a_picture_that_is_not_there_is_a_sentence_and_the_rest_is_shown(attachments):
    text = "before ![x](attachment:nothing.png) **after** ![](attachment:<b>.png)"
    html = markdown_to_html({"cell": {"attachments": attachments}}, text)
    assert "The picture nothing.png is not here" in html and "<strong>after</strong>" in html
    assert "<b>" not in html and "<img" not in html


def test_an_answer_keeps_its_markdown():
    assert "<strong>bold</strong>" in markdown_to_html({}, "**bold**")
