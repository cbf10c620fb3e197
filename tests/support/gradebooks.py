"""Gradebooks of nbgrader for tests."""

import functools
import tempfile
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from tests.support.classroom import environment


def new_gradebook(folder: Path) -> str:
    """The URL of an empty gradebook in `folder`."""
    path = folder / "gradebook.db"
    path.write_bytes(_empty_gradebook())
    return f"sqlite:///{path}"


@functools.cache
def _empty_gradebook() -> bytes:
    """nbgrader takes seconds to create one, so each process of the tests has it done once."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environment()["PATH"])  # nbgrader runs the program `alembic` to create its tables
        Gradebook(f"sqlite:///{folder}/gradebook.db").close()
        return Path(folder, "gradebook.db").read_bytes()
