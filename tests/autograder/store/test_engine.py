"""Opening the database: what URLs are refused, who migrates, what an error says."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from autograder.store import STORE_VARIABLE, StoreError, open_store, store_url
from autograder.store.engine import batches, clock, translate_errors
from course.errors import UsageError
from tests.support.stores import execute


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
