"""Transactions: retried while the database is away, one writer at a time, one store for one course secret."""

import threading

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from autograder.store import StoreError, open_store
from autograder.store.models import StoredSubmission
from autograder.store.secret import SECRET_VARIABLE, secret_file
from course.errors import UsageError


def test_a_store_of_another_course_is_not_mixed_with_ours(store_url, monkeypatch):
    open_store(store_url).close()
    monkeypatch.setenv(SECRET_VARIABLE, "another")
    with pytest.raises(UsageError, match="another course secret"):
        open_store(store_url)


def test_a_secret_that_does_not_fit_is_told_with_its_place_and_what_to_do(own_course, monkeypatch):
    open_store().close()
    secret_file().write_text("another")
    with pytest.raises(UsageError) as told:
        open_store()
    assert str(own_course / ".under8k" / "secret") in str(told.value)
    assert f"set {SECRET_VARIABLE} to it" in str(told.value) and "takes its folder .under8k along" in str(told.value)
    monkeypatch.setenv(SECRET_VARIABLE, "a third")
    with pytest.raises(UsageError, match=rf"another course secret than the one in \${SECRET_VARIABLE}"):
        open_store()


def away(tries: int, answer=None):
    """An action on a database that cannot be reached for so many tries."""
    calls = []

    def action(session):
        calls.append(session)
        if len(calls) <= tries:
            raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))
        return answer

    action.calls = calls
    return action


def test_a_transaction_is_tried_again_until_the_database_answers(store):
    action = away(2, "there")
    assert store._database.read(action) == "there" and len(action.calls) == 3
    assert store._database.write(away(1, "written")) == "written"


def test_a_database_that_stays_away_is_an_error_after_the_given_time(store_url):
    with open_store(store_url, retry_seconds=0.2) as store, pytest.raises(StoreError, match="closed the connection"):
        store._database.read(away(1_000))


def test_an_error_that_will_not_go_away_is_not_tried_again(store):
    calls = []

    def add_twice(session):
        calls.append(session)
        session.add_all([StoredSubmission(student="ada", assignment="challenge") for _ in range(2)])
        session.flush()

    with pytest.raises(StoreError):
        store._database.write(add_twice)
    assert len(calls) == 1


def test_what_was_written_before_an_error_is_rolled_back(store):
    def add_and_fail(session):
        session.add(StoredSubmission(student="ada", assignment="challenge"))
        session.flush()
        raise UsageError("No.")

    with pytest.raises(UsageError):
        store._database.write(add_and_fail)
    assert store._database.read(lambda session: session.scalars(select(StoredSubmission)).all()) == []


def test_two_writers_never_overlap(store):
    inside, most = [], []

    def enter_and_leave(session):
        inside.append(session)
        most.append(len(inside))
        threading.Event().wait(0.05)
        inside.remove(session)

    threads = [threading.Thread(target=store._database.write, args=(enter_and_leave,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
