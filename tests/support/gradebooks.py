"""Gradebooks of nbgrader for tests."""

from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from tests.support.classroom import environment


def new_gradebook(folder: Path) -> str:
    """The URL of an empty gradebook in `folder`. Creating one takes seconds."""
    db_url = f"sqlite:///{folder / 'gradebook.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environment()["PATH"])  # nbgrader runs the program `alembic` to create its tables
        Gradebook(db_url).close()
    return db_url
