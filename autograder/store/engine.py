"""The connection to the store's database: its URL, SQLite's settings, migrations, and errors as one sentence."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from platformdirs import user_data_path
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from course.errors import GraderError, UsageError
from course.rules import course_folder

T = TypeVar("T")
STORE_VARIABLE = "UNDER8K_STORE"
BUSY_SECONDS = 30  # how long SQLite waits for another writer
MIGRATION_LOCK = 7_998  # key of a PostgreSQL advisory lock; no other program may use it in this database
MAX_PARAMETERS = 10_000  # in one statement; SQLite takes 32,766, PostgreSQL 65,535


class StoreError(GraderError):
    """The store cannot be used now. Its content is safe; the same command resumes later."""


def store_url(given: str | None) -> URL:
    """A URL or a file's path; None means $UNDER8K_STORE, else the `default_file` here. Raises UsageError."""
    text = given or os.environ.get(STORE_VARIABLE) or str(default_file(course_folder()))
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


def store_of_course(setting: str, root: Path) -> str | None:
    """The store that a course's settings name, for `store_url`: a file is in the course's folder, as for nbgrader."""
    if setting and "://" not in setting:
        return str(root / Path(setting).expanduser())
    return setting or None


def default_file(course: Path | None) -> Path:
    """The store in the folder of a course, or outside of any in the user's data folder."""
    return (course or user_data_path("under8k")) / "results.db"


def open_engine(url: URL, groupshared: bool = False) -> Engine:
    """Connected, with the tables of this version. `groupshared` as for nbgrader. Raises StoreError, UsageError."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite:
        _make_folder(_sqlite_file(url).parent)
        with translate_errors(url):
            _share_file(_sqlite_file(url), groupshared)
    options = {"connect_args": {"timeout": BUSY_SECONDS}} if is_sqlite else {"connect_args": {"connect_timeout": 10}}
    engine = create_engine(url, pool_pre_ping=True, **options)
    if is_sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_on_sqlite)
    try:
        with translate_errors(url):
            _migrate(engine, url)
    except BaseException:
        engine.dispose()
        raise
    return engine


class ReadOnlyFile:
    """A SQLite store that is looked at: nothing beside it is created, changed or left behind.

    SQLite itself would leave a -wal and a -shm in the looker's name, which the store's owner could not write. So where
    no writer has left a -wal, the file is read as one that does not change, and `is_torn` tells whether it did. A store
    that does not exist yet, or has the tables of an earlier version, is looked at as a copy in a temporary folder;
    `make_new` makes a store there, or brings one up to date.
    """

    def __init__(self, url: URL, make_new: Callable[[URL], None]):
        self._url, self._file, self._make_new = url, _sqlite_file(url), make_new
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._copied: object = None  # the state of the file of which there is a copy
        scripts = _scripts()[1]
        self._newest = scripts.get_current_head()
        self._known = {script.revision for script in scripts.walk_revisions()}
        self.engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
        event.listen(self.engine, "connect", _configure_sqlite)
        event.listen(self.engine, "begin", _begin_on_sqlite)

    def state(self) -> tuple[int, int] | None:
        """What changes with the file's content; None where SQLite itself sees to it that a reader finds it whole."""
        try:
            with self._file.open("rb") as file:
                header = file.read(20)
            in_wal = os.path.getsize(f"{self._file}-wal") if os.path.exists(f"{self._file}-wal") else 0
            status = self._file.stat()
        except FileNotFoundError:
            return None
        uses_wal = header[18:20] == b"\2\2"
        return (status.st_mtime_ns, status.st_size) if uses_wal and not in_wal else None

    def is_torn(self, before: tuple[int, int] | None) -> bool:
        """Whether the file was written while it was read as one that does not change."""
        if before is None:
            return False
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return True
        return (status.st_mtime_ns, status.st_size) != before

    def close(self) -> None:
        self.engine.dispose()
        if self._folder is not None:
            self._folder.cleanup()

    def _connect(self) -> sqlite3.Connection:
        try:
            is_empty = self._file.stat().st_size == 0
        except FileNotFoundError:
            is_empty = True
        if is_empty:
            return self._connect_to_copy(None)
        options = "mode=ro" if self.state() is None else "mode=ro&immutable=1"
        connection = sqlite3.connect(
            f"{self._file.as_uri()}?{options}", uri=True, timeout=BUSY_SECONDS, check_same_thread=False
        )
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
            revision = found[0] if found else None
            if revision == self._newest:
                return connection
            if revision is not None and revision not in self._known:
                raise _too_new(self._url, revision)
            return self._connect_to_copy(connection if tables else None)
        except BaseException:
            connection.close()
            raise

    def _connect_to_copy(self, original: sqlite3.Connection | None) -> sqlite3.Connection:
        """To a copy of the store with the tables of this version; without an original to one that is empty."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="under8k-store-")
        copy = Path(self._folder.name, "results.db")
        status = self._file.stat() if original else None
        state = (status.st_mtime_ns, status.st_size) if status else "empty"
        if state != self._copied:
            for path in Path(self._folder.name).iterdir():
                path.unlink()
            if original:
                with contextlib.closing(sqlite3.connect(copy)) as target:
                    original.backup(target)
                original.close()
            self._make_new(URL.create("sqlite", database=str(copy)))
            self._copied = state
        return sqlite3.connect(copy, timeout=BUSY_SECONDS, check_same_thread=False)


@contextlib.contextmanager
def translate_errors(url: URL) -> Iterator[None]:
    """Turn the database's errors into a StoreError of one sentence."""
    try:
        yield
    except (SQLAlchemyError, OSError, sqlite3.Error) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        full = any(words in cause for words in ("full", "No space", "quota", "disk I/O error"))  # the last is SQLite's
        step = "Make room on its disk" if full else "Check that it can be reached and written"
        if "readonly" in cause or "Permission denied" in cause:
            step = "Whoever owns its files must let the group write them: `chmod g+rw` on it, its -wal, -shm and .lock"
        raise StoreError(
            f"The store {name_of(url)} cannot be used: {cause}. {step}, then start again: what is finished is kept."
        ) from None


def name_of(url: URL) -> str:
    """For people: a file's path, or the URL without its password."""
    return str(_sqlite_file(url)) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def is_begun(url: URL) -> bool:
    """Whether there are records already; of a database on a server that is not known before it is asked."""
    file = _sqlite_file(url) if url.get_backend_name() == "sqlite" else None
    return file is not None and file.exists() and file.stat().st_size > 0


def clock(session: Session) -> float:
    """Seconds since 1970 on the database's clock, which all graders share."""
    if session.get_bind().dialect.name == "sqlite":
        return float(session.execute(text("SELECT (julianday('now') - 2440587.5) * 86400.0")).scalar_one())
    return float(session.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def batches(values: Iterable[T], size: int = MAX_PARAMETERS) -> Iterator[list[T]]:
    """Lists of at most `size` values, for the IN clause of a statement."""
    everything = list(values)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def lock_for_migration(connection: Connection) -> None:
    """Advisory lock until the end of the transaction: one migrator at a time. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})


def _sqlite_file(url: URL) -> Path:
    assert url.database is not None  # `store_url` refuses a database in memory
    return Path(url.database)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The store's folder {folder} cannot be made: {error.strerror}. Name another store.") from None


def _share_file(file: Path, groupshared: bool) -> None:
    """Create the store's file with the mode that the umask leaves, where SQLite would leave out the group.

    With `groupshared`, or in a folder that is group-shared as nbgrader makes it (setgid, writable for the group), its
    files can be written by the group. SQLite gives -wal and -shm the mode of the file.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    if groupshared or file.parent.stat().st_mode & 0o2020 == 0o2020:
        for path in (file, *(Path(f"{file}{suffix}") for suffix in ("-wal", "-shm", ".lock"))):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if status.st_uid == os.getuid() and status.st_mode & 0o060 != 0o060:
                    path.chmod(stat.S_IMODE(status.st_mode) | 0o660)


def _configure_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the sqlite3 module begins no transactions; see `_begin_on_sqlite`
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_on_sqlite(connection: Connection) -> None:
    """BEGIN IMMEDIATE for writers: a transaction that read before it writes would get SQLITE_BUSY."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _migrate(engine: Engine, url: URL) -> None:
    """To the newest revision, in one transaction, by one process; others that open the store wait for it."""
    config, scripts = _scripts()
    newest = scripts.get_current_head()
    with _write_ahead_log(engine, url), engine.begin() as connection:
        lock_for_migration(connection)
        current = MigrationContext.configure(connection).get_current_revision()
        if current == newest:
            return
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise _too_new(url, current)
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def _scripts() -> tuple[alembic.config.Config, ScriptDirectory]:
    config = alembic.config.Config()
    config.set_main_option("script_location", "autograder.store:migrations")
    return config, ScriptDirectory.from_config(config)


def _too_new(url: URL, revision: str) -> UsageError:
    return UsageError(
        f"The store {name_of(url)} was made by a newer version of this program (its tables are at {revision!r}). "
        "Install that version."
    )


@contextlib.contextmanager
def _write_ahead_log(engine: Engine, url: URL) -> Iterator[None]:
    """Turn on SQLite's WAL, under a file lock: the change needs the whole file and does not wait for others."""
    if engine.dialect.name != "sqlite":
        yield
        return
    file = _sqlite_file(url)
    with FileLock(f"{file}.lock", mode=stat.S_IMODE(file.stat().st_mode) & 0o666):
        with contextlib.closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
        yield
