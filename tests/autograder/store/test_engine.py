"""Opening the database: what URLs are refused, who migrates, what an error says."""

import contextlib
import datetime as dt
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from autograder.store import STORE_VARIABLE, StoreError, open_store, store_url
from autograder.store.engine import batches, clock, translate_errors
from autograder.store.secret import SECRET_VARIABLE, secret_file
from course.errors import UsageError
from tests.support.files import files_below
from tests.support.stores import NOON, execute, hand_in


@pytest.mark.slow
def test_of_many_who_open_a_new_store_at_once_all_find_it_whole(store_url):
    code = "import sys; from autograder.store import open_store; print(open_store(sys.argv[1]).chain_end()[0])"
    openers = [
        subprocess.Popen([sys.executable, "-c", code, store_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    said = [opener.communicate(timeout=120) for opener in openers]
    assert [out for out, _ in said] == [b"0\n"] * 4, said


def test_a_store_from_a_newer_version_is_left_alone(store, store_url):
    execute(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UsageError, match="newer version"):
        open_store(store_url)


@pytest.mark.parametrize(
    ("url", "fragment"),
    [("mysql://a/b", "cannot be kept in mysql"), ("nonsense://", "cannot be kept"), ("sqlite://", "would be lost")],
)
def test_a_url_that_cannot_be_used_is_told_why(url, fragment):
    with pytest.raises(UsageError, match=fragment):
        open_store(url)


def test_a_password_is_never_shown():
    with pytest.raises(StoreError) as told:
        open_store("postgresql://grader:open-sesame@127.0.0.1:1/course")
    assert "sesame" not in str(told.value) and "127.0.0.1:1" in str(told.value)


def test_without_a_url_the_variable_names_the_store_and_a_path_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(STORE_VARIABLE, "class.db")
    assert Path(store_url(None).database) == tmp_path / "class.db"
    assert store_url("postgresql://grader@host/course").drivername == "postgresql+psycopg"


def test_in_a_course_the_store_is_in_its_folder_unless_one_is_named(own_course, monkeypatch, tmp_path):
    assert Path(store_url(None).database) == own_course / "results.db"
    assert Path(store_url(str(tmp_path / "given.db")).database) == tmp_path / "given.db"
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "named.db"))
    assert Path(store_url(None).database) == tmp_path / "named.db"


def test_outside_of_a_course_the_store_is_in_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(STORE_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Path(store_url(None).database) == tmp_path / "data" / "under8k" / "results.db"


def test_a_store_that_came_without_its_secret_is_told_and_gets_no_other_one(own_course):
    with open_store() as store:
        hand_in(store, "ada")
    secret_file().unlink()
    with pytest.raises(UsageError, match=rf"no course secret in {own_course}/\.under8k/secret.*Set {SECRET_VARIABLE}"):
        open_store()
    assert not secret_file().exists()


@pytest.mark.parametrize(
    ("error", "fragment"),
    [
        (OSError(28, "No space left on device"), "Make room on its disk"),
        (OperationalError("SELECT 1", {}, Exception("database or disk is full")), "Make room on its disk"),
        (OperationalError("SELECT 1", {}, Exception("could not connect\nDETAIL: x")), "could not connect. Check"),
    ],
)
def test_an_error_of_the_database_becomes_one_sentence_with_the_next_step(error, fragment):
    with pytest.raises(StoreError) as raised, translate_errors(store_url("/folder/results.db")):
        raise error
    assert fragment in str(raised.value) and "\n" not in str(raised.value) and "/folder/results.db" in str(raised.value)


def test_the_databases_clock_does_not_go_backwards_and_is_near_ours(store):
    import time

    first, second = (store._database.read(clock) for _ in range(2))
    assert first <= second and abs(first - time.time()) < 60


def test_batches_hold_every_value_once_and_none_is_too_long():
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []


@pytest.mark.parametrize("cause", ["disk I/O error", "database or disk is full"])
def test_a_full_disk_is_told_whatever_sqlite_calls_it(tmp_path, cause):
    url = store_url(str(tmp_path / "results.db"))
    told = rf"cannot be used: {cause}\. Make room on its disk, then start again"
    with pytest.raises(StoreError, match=told), translate_errors(url):
        raise sqlite3.OperationalError(cause)


# --- graders of a group


@contextlib.contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder):
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}


@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_the_files_of_a_store_follow_the_umask(tmp_path, mask, mode):
    with umask(mask), open_store(str(tmp_path / "results.db")) as store:
        hand_in(store, "ada")
        found = modes(tmp_path)
    assert {"results.db", "results.db-wal", "results.db-shm"} <= set(found) and set(found.values()) == {oct(mode)}


@pytest.mark.parametrize("by", ["folder", "setting"])
def test_a_store_that_is_group_shared_can_be_written_by_the_group(tmp_path, by):
    """Also one that was begun before, by whoever owns it."""
    with umask(0o022):
        with open_store(str(tmp_path / "results.db")) as store:
            hand_in(store, "ada")
        if by == "folder":
            tmp_path.chmod(0o2775)
        with open_store(str(tmp_path / "results.db"), groupshared=by == "setting") as store:
            hand_in(store, "ben")
            assert set(modes(tmp_path).values()) == {oct(0o664)}


# --- looking at a store


def test_looking_creates_nothing_and_leaves_nothing(tmp_path):
    path = tmp_path / "a class #1.db"
    with open_store(str(path)) as store:
        hand_in(store, "ada")
    before = files_below(tmp_path)
    with open_store(str(path), read_only=True) as store:
        assert [attempt.student for attempt in store.overview.since()[1]] == ["ada"]
        assert list(store.verify()) == [] and store.chain_end()[0] > 0
        assert [attempt.result.verdict for attempt in store.results.graded_attempts()] == ["pass"]
        assert files_below(tmp_path) == before
    with (
        open_store(str(path), read_only=True, retry_seconds=0) as store,
        pytest.raises(StoreError, match="readonly database"),
    ):
        hand_in(store, "ben")
    assert files_below(tmp_path) == before


def test_a_store_that_is_not_there_is_empty_until_it_is_there(tmp_path):
    path = tmp_path / "folder" / "results.db"
    with open_store(str(path), read_only=True) as looking:
        assert looking.overview.since()[1] == [] and list(looking.verify()) == [] and looking.chain_end()[0] == 0
        assert not path.parent.exists()
        with open_store(str(path)) as store:
            hand_in(store, "ada")
            assert len(looking.overview.since()[1]) == 1  # a live writer's
            hand_in(store, "ben", at=NOON + dt.timedelta(hours=1))
            assert len(looking.overview.since()[1]) == 2
        assert len(looking.overview.since()[1]) == 2
        with open_store(str(path)) as store:
            hand_in(store, "cy")
        assert len(looking.overview.since()[1]) == 3
    assert sorted(modes(path.parent)) == ["results.db", "results.db.lock"]


def test_looking_makes_no_course_secret(tmp_path, monkeypatch):
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with open_store(str(tmp_path / "none.db"), read_only=True) as store:
        assert store.overview.since()[1] == []
    assert not secret_file().exists() and not (tmp_path / "config").exists()
    sqlite3.connect(tmp_path / "some.db").close()
    (tmp_path / "some.db").write_bytes(b"x")
    with pytest.raises(UsageError, match=f"Set {SECRET_VARIABLE}"):
        open_store(str(tmp_path / "some.db"), read_only=True)


def test_a_store_with_the_tables_of_an_earlier_version_is_looked_at_as_it_is(tmp_path):
    path = tmp_path / "results.db"
    with open_store(str(path)) as store:
        hand_in(store, "ada")
    with contextlib.closing(sqlite3.connect(path)) as connection:  # as revision 1 left it
        for table in ("sources", "mistakes", "gradings", "class_changes", "regraded_verdicts", "regrades"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.execute("DELETE FROM chain WHERE name IN ('sources', 'mistakes')")
        connection.commit()
    before = files_below(tmp_path)
    with open_store(str(path), read_only=True) as store:
        assert [attempt.student for attempt in store.overview.since()[1]] == ["ada"]
    assert files_below(tmp_path) == before


def test_a_file_that_is_written_while_it_is_read_is_read_again(tmp_path):
    path, tries = tmp_path / "results.db", []
    with open_store(str(path)) as store:
        hand_in(store, "ada")

    def read(session):
        tries.append(1)
        if len(tries) == 1:
            with open_store(str(path)) as store:
                hand_in(store, "ben", at=NOON + dt.timedelta(hours=1))
        return len(tries)

    with open_store(str(path), read_only=True) as looking:
        assert looking._database.read(read) == 2
