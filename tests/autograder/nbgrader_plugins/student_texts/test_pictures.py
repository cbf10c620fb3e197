"""Which attachments of a submission's cells are kept."""

import base64

import pytest
from nbformat.v4 import new_markdown_cell, new_raw_cell

from autograder.nbgrader_plugins.student_texts import pictures
from autograder.nbgrader_plugins.student_texts.pictures import keep_pictures, named_attachments

CONTENTS = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/gif": b"GIF89a....",
    "image/webp": b"RIFF....WEBPVP8 ",
}


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def kept(**attachments):
    cell = new_markdown_cell("", attachments={name: dict(data) for name, data in attachments.items()})
    keep_pictures([cell])
    return cell.get("attachments", {})


@pytest.mark.parametrize("mime_type", CONTENTS)
def test_a_picture_is_told_by_its_content_whatever_it_is_called(mime_type):
    text = encoded(CONTENTS[mime_type])
    assert kept(a={mime_type: text}) == {"a": {mime_type: text}}
    assert kept(a={"image/svg+xml": text}) == {"a": {mime_type: text}}
    lines = "\n".join(text[start : start + 8] for start in range(0, len(text), 8))
    assert kept(a={"image/png": lines}) == {"a": {mime_type: text}}


@pytest.mark.parametrize(
    "data",
    [
        {"image/svg+xml": encoded(b"<svg onload='x()'/>")},
        {"image/png": encoded(b"<html><script>x()</script>")},
        {"text/html": "<script>x()</script>"},
        {"image/png": "not base64 \u00e9"},
        {"image/png": encoded(CONTENTS["image/png"]) + '" onerror="x()'},
        {"image/png": ""},
        {},
    ],
)
def test_anything_else_is_left_out(data):
    assert kept(bad=data, good={"image/png": encoded(CONTENTS["image/png"])}).keys() == {"good"}


def test_cells_of_other_kinds_have_no_pictures():
    cell = new_raw_cell("", attachments={"a": {"image/png": encoded(CONTENTS["image/png"])}})
    keep_pictures([cell])
    assert "attachments" not in cell


def test_the_first_pictures_of_a_notebook_are_kept_up_to_their_number_and_size(monkeypatch):
    data = {"image/png": encoded(CONTENTS["image/png"])}
    cells = [new_markdown_cell("", attachments={f"{i}-{j}": data for j in range(3)}) for i in range(10)]
    keep_pictures(cells)
    names = [name for cell in cells for name in cell.get("attachments", {})]
    assert names == [f"{i}-{j}" for i in range(10) for j in range(3)][: pictures.MAX_PICTURES]

    monkeypatch.setattr(pictures, "MAX_BYTES", 30)
    large = {"image/png": encoded(CONTENTS["image/png"] + b"." * 20)}
    cells = [new_markdown_cell("", attachments={"small": data, "large": large, "small too": data})]
    keep_pictures(cells)
    assert list(cells[0].attachments) == ["small", "small too"]


def test_a_teachers_picture_in_a_locked_cell_comes_before_those_that_were_pasted(monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PICTURES", 2)
    data = {"image/png": encoded(CONTENTS["image/png"])}
    locked = {"nbgrader": {"locked": True}}
    cells = [new_markdown_cell("", attachments={f"own-{i}": data for i in range(2)})]
    cells.append(new_markdown_cell("", metadata=locked, attachments={"teacher": data}))
    keep_pictures(cells)
    assert [list(cell.attachments) for cell in cells] == [["own-0"], ["teacher"]]


def test_attachments_are_named_by_the_text_that_shows_them():
    text = 'See ![a](attachment:a.png), ![b](attachment:b%201.png "title") and <img src="attachment:c.png">.'
    given = {name: {} for name in ("a.png", "b 1.png", "c.png", "d.png")}
    assert named_attachments(text, given).keys() == {"a.png", "b 1.png", "c.png"}
    assert named_attachments(text, None) == {} == named_attachments("no picture", given)
