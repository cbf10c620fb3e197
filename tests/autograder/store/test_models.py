"""The models and the migrations describe the same tables."""

import datetime as dt

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from autograder.store.models import Base, StoredAttempt, UtcDateTime
from tests.support.stores import NOON, hand_in


def test_the_models_say_what_the_migrations_make(store):
    with store._database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


@pytest.mark.parametrize("hours", [0, 5, -11])
def test_a_time_is_read_as_the_same_moment_in_utc_whatever_zone_it_was_written_in(store, hours):
    local = NOON.astimezone(dt.timezone(dt.timedelta(hours=hours)))
    attempt = hand_in(store, "ada", at=local)
    query = select(StoredAttempt.handed_in).where(StoredAttempt.id == attempt)
    read = store._database.read(lambda session: session.scalar(query))
    assert read == NOON and read.tzinfo == dt.UTC


def test_a_time_that_is_not_set_stays_so():
    assert UtcDateTime().process_result_value(None, None) is None
