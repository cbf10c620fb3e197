"""For the grader's tests: one PostgreSQL server for all of them, and a new store for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.store import RunKey, Store, open_store
from course.capture import capture
from course.spec import Spec
from tests.support.databases import PROGRAMS, PostgreSQL, postgresql
from tests.support.recipes import TINY, recipe_of


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    assert PROGRAMS, "PostgreSQL is not installed: apt-get install postgresql"
    with postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new, empty store goes: the test runs once for each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "results.db")
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    return server.create_database()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url, retry_seconds=5) as opened:
        yield opened


@pytest.fixture(scope="session")
def spec() -> Spec:
    return capture(recipe_of(TINY))


@pytest.fixture
def key(spec: Spec) -> RunKey:
    """Of a run of `spec`."""
    return RunKey(spec.hash, 7, "cpu", 1, "trainer 1", "")
