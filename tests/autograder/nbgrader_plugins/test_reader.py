"""Whatever file is handed in, nbgrader has a notebook to go on with."""

import io
import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.nbgrader_plugins.reader import UNREADABLE, SubmissionReader

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "magic"]) | json_values,
        "source": st.text(max_size=8) | st.lists(st.text(max_size=8), max_size=2) | json_values,
        "metadata": st.just({}) | json_values,
        "outputs": st.just([]) | json_values,
        "execution_count": st.none(),
        "id": st.text(max_size=8) | json_values,
    },
)
notebooks = st.fixed_dictionaries(
    {"nbformat": st.just(4) | json_values, "nbformat_minor": st.just(5) | json_values, "metadata": st.just({})},
    optional={"cells": st.lists(cells, max_size=4) | json_values},
)


def read(text: str) -> nbformat.NotebookNode:
    return nbformat.reads(SubmissionReader().from_file(io.StringIO(text))[0], as_version=4)


def test_a_notebook_is_read_as_it_is():
    given_ = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_markdown_cell("why")])
    assert [cell.source for cell in read(nbformat.writes(given_)).cells] == ["x = 1", "why"]


def test_what_a_cell_shows_need_not_be_in_order():
    given_ = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    given_.cells[0].outputs = [{"no": "output"}]
    assert [cell.source for cell in read(json.dumps(given_)).cells] == ["x = 1"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "PK\x03\x04", "[]", "{}", '{"cells": [1], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'),
        "[" * 100_000,
    ],
    ids="empty archive list object cell deep".split(),
)
def test_what_is_no_notebook_is_read_as_one_that_says_so(text):
    assert [cell.source for cell in read(text).cells] == [UNREADABLE]


def test_a_character_that_cannot_be_read_spoils_no_other_cell(tmp_path):
    cells = [nbformat.v4.new_code_cell("x = 1\ny = '\ud800'"), nbformat.v4.new_markdown_cell("why\0")]
    given_ = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("z = 3")], metadata={"\udfff": 1})
    first, code, second, text, last = read(json.dumps(given_)).cells
    assert "Line 2, column 6 holds half of a character (U+D800" in first.source
    assert "Line 1, column 4 holds a NUL character" in second.source
    assert [code.source, text.source, last.source] == ["x = 1\ny = '\ufffd'", "why\ufffd", "z = 3"]


@pytest.mark.parametrize("cell", ["code", "markdown"])
def test_bytes_that_are_not_utf_8_spoil_no_other_cell(tmp_path, cell):
    new = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}[cell]
    given_ = nbformat.v4.new_notebook(cells=[new("caf\u00e9"), new("x = 1")])
    path = tmp_path / "latin.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(given_, ensure_ascii=False).encode().replace(b"\xc3\xa9", b"\xe9"))
    found = nbformat.reads(SubmissionReader().from_filename(str(path))[0], as_version=4)
    assert [c.source for c in found.cells[1:]] == ["caf\ufffd", "x = 1"]
    assert "Line 1, column 4 holds a byte that is not UTF-8 (0xE9)" in found.cells[0].source


def test_numbers_that_json_cannot_write_are_left_out():
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")], metadata={"n": 0.5}))
    found = SubmissionReader().from_file(io.StringIO(text.replace("0.5", "1e999")))[0]
    assert json.loads(found, parse_constant=lambda name: pytest.fail(name))["metadata"]["n"] is None


@pytest.mark.parametrize("minor", [0, 4, 5])
def test_an_id_that_is_missing_not_allowed_or_taken_spoils_no_cell(minor):
    bad = [None, [], {}, 7, "", "a b", "x" * 65, "recipe", "recipe"]
    given_ = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"x = {n}") for n in range(len(bad) + 1)])
    submitted = json.loads(nbformat.writes(given_)) | {"nbformat_minor": minor}
    for cell, found in zip(submitted["cells"], bad, strict=False):
        cell["id"] = found
    del submitted["cells"][-1]["id"]
    found = read(json.dumps(submitted))
    nbformat.validate(found)
    assert [cell.source for cell in found.cells] == [cell.source for cell in given_.cells]
    assert [n for n, cell in enumerate(found.cells) if cell.id == "recipe"] == [bad.index("recipe")]
    assert len({cell.id for cell in found.cells}) == len(found.cells) and found.nbformat_minor == 5


def test_the_ids_that_colab_keeps_in_the_metadata_are_the_cells_ids():
    cell = {"cell_type": "markdown", "metadata": {"id": "report"}, "source": "why"}
    found = read(json.dumps({"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": [cell]}))
    assert [cell.id for cell in found.cells] == ["report"]


@given(notebooks | json_values)
def test_nothing_that_looks_like_a_notebook_stops_the_reader(value):
    found = read(json.dumps(value))
    assert nbformat.writes(found).encode()
    for cell in found.cells:
        assert isinstance(cell.source, str) and cell.cell_type in ("code", "markdown", "raw")
