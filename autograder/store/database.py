"""Transactions on the store's database: retried while it cannot be reached, and one writer at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from autograder.store.chain import Chain
from autograder.store.engine import lock_for_migration, name_of, open_engine, translate_errors
from autograder.store.models import ChainHead
from course.errors import UsageError

T = TypeVar("T")
RETRY_SECONDS = 60.0  # how long a transaction is retried on a database that cannot be reached, is busy or full
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 5.0  # between two tries; doubled each time


class Database:
    """`read` and `write` run a function in one transaction. They may run it again, so it must be idempotent.

    Both raise StoreError if the database cannot be reached for `retry_seconds`.
    """

    def __init__(self, url: URL, key: bytes, retry_seconds: float = RETRY_SECONDS):
        self.url, self.retry_seconds = url, retry_seconds
        self.engine: Engine = open_engine(url)
        self.chain = Chain(key)
        self._begin_or_check_chain()

    @property
    def name(self) -> str:
        return name_of(self.url)

    def close(self) -> None:
        self.engine.dispose()

    def read(self, query: Callable[[Session], T]) -> T:
        return self._retry(lambda: self._run_once(query, reads=True))

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
            if head is None:
                self.chain.begin(session)
                return True
            return self.chain.is_ours(head)

        with translate_errors(self.url):
            ours = self._run_once(begin_or_check)
        if not ours:
            self.close()
            raise UsageError(
                f"The store {self.name} was begun with another course secret, so its records cannot be checked or "
                "extended. Set UNDER8K_SECRET to that secret, or copy its file to where `autograder doctor` says."
            )
