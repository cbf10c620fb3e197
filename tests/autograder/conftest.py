"""For the grader's tests: one PostgreSQL server, a browser, a new store for each test, and a mark where one trains."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from autograder.gradebook.explain import rerun
from autograder.grading import pipeline
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.times import ZONE_VARIABLE
from autograder.nbgrader_plugins import timezones
from autograder.sandbox import best_tier
from autograder.store import STORE_VARIABLE, RunKey, Store, open_store
from autograder.store.secret import SECRET_VARIABLE
from autograder.workers.client import WorkerPool
from course.capture import capture
from course.rules import PACKAGED
from course.spec import Spec
from tests.support.browsers import chromium
from tests.support.changed_rules import changed_rules
from tests.support.databases import PROGRAMS, PostgreSQL, postgresql
from tests.support.kept_servers import KeptServers
from tests.support.recipes import TINY, recipe_of


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    assert PROGRAMS, "PostgreSQL is not installed: apt-get install postgresql"
    with postgresql() as server:
        yield server


@pytest.fixture(scope="module")  # not for longer: an open browser leaves an event loop running in this thread
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


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


@pytest.fixture(scope="session")
def servers() -> Iterator[KeptServers]:
    with KeptServers() as servers:
        yield servers


@pytest.fixture
def kept_servers(servers: KeptServers) -> Iterator[None]:
    """Let what the test grades in this process be forked from the servers of earlier tests."""
    with servers.in_use():
        yield


@pytest.fixture
def recipe_sandbox(kept_servers: None) -> Iterator[RecipeSandbox]:
    with RecipeSandbox(best_tier(), warm=True) as opened:
        yield opened


@pytest.fixture
def workers(kept_servers: None) -> Iterator[WorkerPool]:
    with WorkerPool(warm=True) as opened:
        yield opened


@pytest.fixture
def warm(recipe_sandbox: RecipeSandbox, workers: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a grading that is given no processes use these: it would start each of its own anew, in seconds."""
    monkeypatch.setattr(pipeline, "RecipeSandbox", lambda tier: recipe_sandbox)
    monkeypatch.setattr(pipeline, "WorkerPool", lambda: workers)
    monkeypatch.setattr(rerun, "WorkerPool", lambda: nullcontext(workers))


@pytest.fixture
def change_rules() -> Iterator[Callable[..., None]]:
    """Changes limits of the challenge until the test ends."""
    with ExitStack() as changes:
        yield lambda **limits: changes.enter_context(changed_rules(**limits))


@pytest.fixture
def own_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a course with its own rules, in which the test works; no variable names a store or a secret."""
    root = tmp_path / "own course"
    root.mkdir()
    shutil.copy(PACKAGED, root)
    (root / "nbgrader_config.py").touch()
    monkeypatch.chdir(root)
    for name in (STORE_VARIABLE, SECRET_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture(autouse=True)
def no_time_zone_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin with times in UTC: an nbgrader_config.py that it reads sets the zone of the whole process."""
    monkeypatch.setenv(ZONE_VARIABLE, "")
    monkeypatch.setattr(timezones, "_configs", [])


@pytest.fixture(autouse=True)
def training_is_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test train unless it is marked `training`, so that `make check` leaves out all that do."""
    start = WorkerPool.start

    def checked_start(pool: WorkerPool, name: str, **options: object) -> object:
        assert name != "trainer", "this test trains: mark it with @pytest.mark.training"
        return start(pool, name, **options)

    if request.node.get_closest_marker("training") is None:
        monkeypatch.setattr(WorkerPool, "start", checked_start)
