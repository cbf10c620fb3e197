"""Everything that grading found out, in a database: SQLite in a file, or PostgreSQL for several machines.

    with open_store() as store:                                    # or open_store("postgresql://grader@host/course")
        grade(path, options, listener, store=store, student="ada")
        store.results.latest("ada", "challenge")                   # a Graded, with the whole Result
        store.results.counting("challenge")                        # one for each student: the attempt that counts
        list(store.verify())                                       # sentences; empty when nothing was tampered with

It migrates itself when it is opened. A run is kept under what its numbers depend on, so it trains once, whoever hands
it in; every epoch is kept when it is done; records are linked in a chain made with the course's key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Self

from sqlalchemy import select

from autograder.store.claims import Again, Busy, Claim, Claims, Done, RunKey, TakenOver
from autograder.store.database import PATIENCE, Database
from autograder.store.engine import STORE_VARIABLE, StoreError, store_url
from autograder.store.models import Head
from autograder.store.overview import Mark, Overview, Seen, Trained, UnderWay
from autograder.store.results import Graded, Results, Shared, Which, standing
from autograder.store.secret import course_secret

__all__ = [
    "STORE_VARIABLE",
    "Again",
    "Busy",
    "Claim",
    "Done",
    "Graded",
    "Mark",
    "RunKey",
    "Seen",
    "Shared",
    "Store",
    "StoreError",
    "TakenOver",
    "Trained",
    "UnderWay",
    "Which",
    "open_store",
    "standing",
]


class Store:
    """An open store; used from as many threads as you like. `claims` are for the grader, `results` for the
    gradebook and for people, `overview` for the leaderboard.
    """

    def __init__(self, database: Database):
        self._database = database
        self.name = database.name  # for people: without a password
        self.url = database.url
        self.claims = Claims(database)
        self.results = Results(database)
        self.overview = Overview(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.claims.close()
        self._database.close()

    def verify(self, noted: str | None = None) -> Iterator[str]:
        """One sentence for each record that is not as it was written; `noted` is an `end` noted earlier."""
        return iter(self._database.read(lambda session: list(self._database.chain.verify(session, noted))))

    def end(self) -> tuple[int, str]:
        """How many records are in the chain, and the chain's end: noted elsewhere, it shows an older copy later."""
        return self._database.read(lambda session: tuple(session.execute(select(Head.number, Head.mac)).one()))


def open_store(url: str | None = None, *, patience: float = PATIENCE) -> Store:
    """The store at a URL or path; None means $UNDER8K_STORE, else a file in the user's data folder.

    `patience`: seconds for which a database that is away or full is tried again. Raises UsageError, StoreError.
    """
    key = hmac.digest(course_secret(), b"under8k store", "sha256")
    return Store(Database(store_url(url), key, patience))
