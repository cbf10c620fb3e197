"""Transactions on the store's database: retried while it cannot be reached, and one writer at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from autograder.store.chain import Chain
from autograder.store.engine import ReadOnlyFile, lock_for_migration, name_of, open_engine, translate_errors
from autograder.store.models import ChainHead
from autograder.store.secret import PRIVATE, SECRET_VARIABLE, secret_place
from course.errors import GraderError, UsageError

T = TypeVar("T")
RETRY_SECONDS = 60.0  # how long a transaction is retried on a database that cannot be reached, is busy or full
MAX_TORN_READS = 20  # of a file that is written again and again while it is read
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 5.0  # between two tries; doubled each time


class Database:
    """`read` and `write` run a function in one transaction. They may run it again, so it must be idempotent.

    Both raise StoreError if the database cannot be reached for `retry_seconds`.
    """

    def __init__(
        self,
        url: URL,
        key: bytes,
        retry_seconds: float = RETRY_SECONDS,
        *,
        read_only: bool = False,
        groupshared: bool = False,
    ):
        self.url, self.retry_seconds = url, retry_seconds
        self._file: ReadOnlyFile | None = None
        self.chain = Chain(key)
        if read_only and url.get_backend_name() == "sqlite":
            self._file = ReadOnlyFile(url, lambda copy: Database(copy, key).close())
            self.engine: Engine = self._file.engine
        else:
            self.engine = open_engine(url, groupshared)
        self._begin_or_check_chain()

    @property
    def name(self) -> str:
        return name_of(self.url)

    def close(self) -> None:
        self.engine.dispose()
        if self._file is not None:
            self._file.close()

    def read(self, query: Callable[[Session], T]) -> T:
        return self._retry(lambda: self._read_whole(query))

    def write(self, change: Callable[[Session], T]) -> T:
        """Run `change` with a lock on the chain's head, so that there is one writer at a time."""

        def change_with_lock(session: Session) -> T:
            session.execute(select(ChainHead).where(ChainHead.id == 1).with_for_update())
            return change(session)

        return self._retry(lambda: self._run_once(change_with_lock))

    def write_unchained(self, change: Callable[[Session], T]) -> T:
        """Run a change to columns outside of the chain: without its lock, and without retries."""
        with translate_errors(self.url):
            return self._run_once(change)

    def _read_whole(self, query: Callable[[Session], T]) -> T:
        """Read once; of a file that is written meanwhile, again. The last try's error, or result, counts."""
        for _ in range(MAX_TORN_READS):
            before = self._file.state() if self._file is not None else None
            try:
                result = self._run_once(query, reads=True)
            except (SQLAlchemyError, GraderError):
                if self._file is None or not self._file.is_torn(before):
                    raise
            else:
                if self._file is None or not self._file.is_torn(before):
                    return result
        return self._run_once(query, reads=True)

    def _run_once(self, action: Callable[[Session], T], *, reads: bool = False) -> T:
        engine = self.engine.execution_options(reads=True) if reads else self.engine
        with Session(engine, expire_on_commit=False) as session, session.begin():
            return action(session)

    def _retry(self, transaction: Callable[[], T]) -> T:
        deadline, pause = time.monotonic() + self.retry_seconds, FIRST_PAUSE_SECONDS
        with translate_errors(self.url):
            while True:
                try:
                    return transaction()
                except (OperationalError, InterfaceError, DBAPIError) as error:
                    transient = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
                    if not transient or time.monotonic() + pause > deadline:
                        raise
                time.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)

    def _begin_or_check_chain(self) -> None:
        """Begin the chain of a new store; refuse a store that was begun with another key."""

        def begin_or_check(session: Session) -> bool:
            lock_for_migration(session.connection())
            head = session.get(ChainHead, 1)
            if head is None and self._file is None:
                self.chain.begin(session)
                return True
            return head is None or self.chain.is_ours(head)

        try:
            with translate_errors(self.url):
                ours = self._read_whole(begin_or_check) if self._file is not None else self._run_once(begin_or_check)
        except BaseException:
            self.close()
            raise
        if not ours:
            self.close()
            raise UsageError(
                f"The store {self.name} was begun with another course secret than the one in {secret_place()}, so its "
                "records can be neither checked nor extended, and nothing is graded. Copy the file of that secret "
                f"there, or set {SECRET_VARIABLE} to it; a course that moves takes its folder {PRIVATE} along."
            )
