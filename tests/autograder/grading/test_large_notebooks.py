"""The outputs of a large notebook are cut out of its JSON, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.grading import large_notebooks
from autograder.grading.large_notebooks import without_outputs

texts = st.text(alphabet='a"\\[]{}:,é\n', max_size=12)
values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("outputs") | texts, inner, max_size=3),
    max_leaves=8,
)
cells = st.fixed_dictionaries(
    {"source": st.lists(texts, max_size=2)},
    optional={"outputs": st.lists(values, max_size=3), "metadata": st.dictionaries(texts, values, max_size=2)},
)
notebooks = st.fixed_dictionaries(
    {"cells": st.lists(cells, max_size=3)}, optional={"metadata": values, "outputs": values, "x": values}
)


@given(notebooks, st.sampled_from([None, 1]), st.booleans())
def test_what_is_left_is_the_notebook_without_the_outputs_of_its_cells(notebook, indent, ascii_only):
    text = json.dumps(notebook, indent=indent, ensure_ascii=ascii_only)
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = []
    assert json.loads(without_outputs(text.encode())) == notebook


@pytest.mark.parametrize(
    "text", ['{"cells": [{"outputs": [', '{"cells": [{"outputs": ["x]}]}', '{"a": "\\"', "[]]", '"', "[" * 10_000]
)
def test_what_is_cut_off_is_told(text):
    with pytest.raises(ValueError, match=r"do not match|does not end"):
        without_outputs(text.encode())


def test_work_is_bounded(monkeypatch):
    monkeypatch.setattr(large_notebooks, "MAX_TOKENS", 100)
    with pytest.raises(ValueError, match="more than 100 brackets"):
        without_outputs(b"[]" * 60)
    assert without_outputs(b'{"a": "' + b"\\" * 200_000 + b'"}') == b'{"a": "' + b"\\" * 200_000 + b'"}'
