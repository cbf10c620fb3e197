"""A made-up course for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.courses import MadeUpCourse


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))  # of nbgrader's own use of SQLAlchemy


@pytest.fixture
def course(tmp_path: Path) -> MadeUpCourse:
    return MadeUpCourse(tmp_path)
