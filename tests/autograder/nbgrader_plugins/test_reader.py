"""Whatever file is handed in, nbgrader has a notebook to go on with."""

import io
import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.nbgrader_plugins.reader import UNREADABLE, SubmissionReader

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
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


HALF = json.dumps(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("\ud800")]))


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
        *("[" * 100_000, HALF),
    ],
    ids="empty archive list object cell deep half".split(),
)
def test_what_is_no_notebook_is_read_as_one_that_says_so(text):
    assert [cell.source for cell in read(text).cells] == [UNREADABLE]


@given(notebooks | json_values)
def test_nothing_that_looks_like_a_notebook_stops_the_reader(value):
    found = read(json.dumps(value))
    assert nbformat.writes(found).encode()
    for cell in found.cells:
        assert isinstance(cell.source, str) and cell.cell_type in ("code", "markdown", "raw")
