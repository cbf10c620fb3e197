"""The plot of a benchmark."""

import json

import pytest

from autograder.authoring.lessons import ROOT
from autograder.bench.chart import save_chart

RECORDS = sorted((ROOT / "docs" / "bench").glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_every_record_that_is_kept_can_be_drawn(path, tmp_path):
    save_chart(json.loads(path.read_text()), tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_there_is_a_record():
    assert RECORDS
