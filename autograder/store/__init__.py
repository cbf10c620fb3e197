"""Everything that grading found out, in a database: SQLite in a file, or PostgreSQL for several machines.

    with open_store() as store:                                    # or open_store("postgresql://grader@host/course")
        grade(path, options, listener, store=store, student="ada")
        store.results.latest("ada", "challenge")                   # a GradedAttempt, with the whole Result
        store.results.counting_attempts("challenge")               # one for each student: the attempt that counts
        list(store.verify())                                       # sentences; empty when nothing was tampered with

It migrates itself when it is opened. A run is kept under what its numbers depend on, so it trains once, whoever hands
it in; every epoch is kept when it is done; records are linked in a chain made with the course's key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Self

from sqlalchemy import select

from autograder.store.claims import Claim, ClaimLost, Claims, Regrade, RunBusy, RunFinished, RunKey
from autograder.store.database import RETRY_SECONDS, Database
from autograder.store.engine import STORE_VARIABLE, StoreError, store_url
from autograder.store.models import Head
from autograder.store.overview import AttemptInProgress, AttemptSummary, Cursor, Overview, RunSummary
from autograder.store.results import AttemptRule, GradedAttempt, Results, SharedRecipe, standing
from autograder.store.secret import course_secret

__all__ = [
    "STORE_VARIABLE",
    "AttemptInProgress",
    "AttemptRule",
    "AttemptSummary",
    "Claim",
    "ClaimLost",
    "Cursor",
    "GradedAttempt",
    "Regrade",
    "RunBusy",
    "RunFinished",
    "RunKey",
    "RunSummary",
    "SharedRecipe",
    "Store",
    "StoreError",
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

    def chain_end(self) -> tuple[int, str]:
        """How many records are in the chain, and the chain's end: noted elsewhere, it shows an older copy later."""
        return self._database.read(lambda session: tuple(session.execute(select(Head.number, Head.mac)).one()))


def open_store(url: str | None = None, *, retry_seconds: float = RETRY_SECONDS) -> Store:
    """The store at a URL or path; None means $UNDER8K_STORE, else a file in the user's data folder.

    `retry_seconds`: seconds for which a database that is away or full is tried again. Raises UsageError, StoreError.
    """
    key = hmac.digest(course_secret(), b"under8k store", "sha256")
    return Store(Database(store_url(url), key, retry_seconds))
