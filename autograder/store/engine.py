"""The database behind the store: where it is, how it is opened and brought up to date, and what is tried again."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from platformdirs import user_data_path
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from course.errors import GraderError, UsageError

STORE_VARIABLE = "UNDER8K_STORE"
BUSY_SECONDS = 30  # how long SQLite waits for another writer
_LOCK = 7_998  # any number that no other program locks in this PostgreSQL database


class StoreError(GraderError):
    """The store cannot be used now. What is in it stays; the same command goes on where it was."""


def store_url(given: str | None) -> URL:
    """A URL or a file's path; None means $UNDER8K_STORE, else a file in the user's data folder. Raises UsageError."""
    text = given or os.environ.get(STORE_VARIABLE) or str(user_data_path("under8k") / "results.db")
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    try:
        url = make_url(text)
    except ArgumentError:
        raise UsageError(f"The store's URL {text!r} cannot be read. Write postgresql://user@host/name.") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UsageError(
            f"The store cannot be kept in {url.get_backend_name()}. Use a file's path, or postgresql://..."
        )
    if url.get_backend_name() == "sqlite" and not url.database:
        raise UsageError("A store in memory would be lost. Name a file: sqlite:////folder/results.db.")
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url


def open_engine(url: URL) -> Engine:
    """Connected and migrated to this version's tables. Raises StoreError, UsageError."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite:
        _make_folder(Path(url.database).parent)
    options = {"connect_args": {"timeout": BUSY_SECONDS}} if is_sqlite else {"connect_args": {"connect_timeout": 10}}
    engine = create_engine(url, pool_pre_ping=True, **options)
    if is_sqlite:
        event.listen(engine, "connect", _settle_sqlite)
        event.listen(engine, "begin", _begin)
    try:
        with translate_errors(url):
            _migrate(engine, url)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def translate_errors(url: URL) -> Iterator[None]:
    """Turn the database's errors into one sentence."""
    try:
        yield
    except (SQLAlchemyError, OSError, sqlite3.Error) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        full = "full" in cause or "No space" in cause
        step = "Make room on its disk" if full else "See that it is there and may be written"
        raise StoreError(
            f"The store {name_of(url)} cannot be used: {cause}. {step}, then start again: what is finished is kept."
        ) from error


def name_of(url: URL) -> str:
    """The store's name for people, without a password."""
    return url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def clock(connection) -> float:
    """Seconds since 1970 on the database's clock, which all graders share."""
    if connection.get_bind().dialect.name == "sqlite":
        return connection.execute(text("SELECT (julianday('now') - 2440587.5) * 86400.0")).scalar_one()
    return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The store's folder {folder} cannot be made: {error.strerror}. Name another store.") from None


def _settle_sqlite(connection: sqlite3.Connection, _record) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says so, see `_begin`
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    """A writer takes SQLite's lock at once: one that read first could not be let in later."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _migrate(engine: Engine, url: URL) -> None:
    """To the newest tables, in one transaction; of several openers one does it and the others wait."""
    config = alembic.config.Config()
    config.set_main_option("script_location", "autograder.store:migrations")
    newest = ScriptDirectory.from_config(config).get_current_head()
    with _alone(engine, url), engine.begin() as connection:
        lock_alone(connection)
        found = MigrationContext.configure(connection).get_current_revision()
        if found == newest:
            return
        if found is not None and found not in {
            s.revision for s in ScriptDirectory.from_config(config).walk_revisions()
        }:
            raise UsageError(
                f"The store {name_of(url)} was made by a newer version of this program (its tables are at {found!r}). "
                "Install that version."
            )
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def lock_alone(connection: Connection) -> None:
    """Until the transaction's end no other opener is where this one is. SQLite's writers are alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


@contextlib.contextmanager
def _alone(engine: Engine, url: URL) -> Iterator[None]:
    """One opener at a time turns write-ahead logging on, which takes all of the file and waits for nobody."""
    if engine.dialect.name != "sqlite":
        yield
        return
    with FileLock(f"{url.database}.lock"):
        with contextlib.closing(sqlite3.connect(url.database, timeout=BUSY_SECONDS)) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
        yield
