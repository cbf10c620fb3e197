"""Databases for the grader's tests: one PostgreSQL server for all of them, and a new database for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import PROGRAMS, PostgreSQL, postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    assert PROGRAMS, "PostgreSQL is not installed: apt-get install postgresql"
    with postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new, empty store goes: the test runs once for each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "results.db")
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    return server.create_database()
