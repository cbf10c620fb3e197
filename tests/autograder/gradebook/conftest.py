"""A made-up course for each test, with a gradebook that was created once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.courses import MadeUpCourse
from tests.support.gradebooks import new_gradebook


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))  # of nbgrader's own use of SQLAlchemy


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gradebook")
    new_gradebook(folder)
    return folder / "gradebook.db"


@pytest.fixture
def course(tmp_path: Path, empty_gradebook: Path) -> MadeUpCourse:
    return MadeUpCourse(tmp_path, empty_gradebook)
