"""Transactions on the store's database: tried again while it is away, and one writer at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from autograder.store.chain import Chain
from autograder.store.engine import lock_alone, name_of, open_engine, translate_errors
from autograder.store.models import Head
from course.errors import UsageError

T = TypeVar("T")
RETRY_SECONDS = 60.0  # seconds for which a database that is away, busy or full is tried again


class Database:
    """`read` and `write` run one function in one transaction. It may run more than once, so it must bear that.

    Both raise StoreError when the database stays away for `retry_seconds` seconds.
    """

    def __init__(self, url: URL, key: bytes, retry_seconds: float = RETRY_SECONDS):
        self.url, self.retry_seconds = url, retry_seconds
        self.engine: Engine = open_engine(url)
        self.chain = Chain(key)
        self._settle()

    @property
    def name(self) -> str:
        return name_of(self.url)

    def close(self) -> None:
        self.engine.dispose()

    def read(self, work: Callable[[Session], T]) -> T:
        return self._retry(lambda: self._once(work, reads=True))

    def write(self, work: Callable[[Session], T]) -> T:
        """With the lock on the chain's head, so that no two writers ever meet."""

        def locked(session: Session) -> T:
            session.execute(select(Head).where(Head.id == 1).with_for_update())
            return work(session)

        return self._retry(lambda: self._once(locked))

    def touch(self, work: Callable[[Session], T]) -> T:
        """A write outside of the chain, without its lock and without retry_seconds."""
        with translate_errors(self.url):
            return self._once(work)

    def _once(self, work: Callable[[Session], T], *, reads: bool = False) -> T:
        engine = self.engine.execution_options(reads=True) if reads else self.engine
        with Session(engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    def _retry(self, action: Callable[[], T]) -> T:
        deadline, pause = time.monotonic() + self.retry_seconds, 0.1
        with translate_errors(self.url):
            while True:
                try:
                    return action()
                except (OperationalError, InterfaceError, DBAPIError) as error:
                    away = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
                    if not away or time.monotonic() + pause > deadline:
                        raise
                time.sleep(pause)
                pause = min(2 * pause, 5.0)

    def _settle(self) -> None:
        """The chain's beginning, made once; and a store of another course is translate_errors from ours."""

        def work(session: Session) -> bool:
            lock_alone(session.connection())
            head = session.get(Head, 1)
            if head is None:
                self.chain.begin(session)
                return True
            return self.chain.is_ours(head)

        with translate_errors(self.url):
            ours = self._once(work)
        if not ours:
            self.close()
            raise UsageError(
                f"The store {self.name} was begun with another course secret, so its records cannot be checked or "
                "added to. Set UNDER8K_SECRET to that one, or copy its file to where `autograder doctor` says."
            )
