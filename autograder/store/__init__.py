"""Everything that grading finds out, in a database: SQLite in a file, or PostgreSQL for several machines.

    with open_store() as store:                          # or open_store("postgresql://grader@host/course")
        grade(path, options, listener, store=store, student="ada")
        store.results.latest("ada", "challenge")         # a GradedAttempt, with the whole Result
        store.results.counting_attempts("challenge")     # for each student the attempt that counts
        list(store.verify())                             # one sentence for each record that was tampered with

Opening a store migrates it. A run is stored under everything that its numbers depend on, so it is trained once,
whoever hands it in; every epoch and its checkpoint are stored when it is finished (`claims`; `checkpoints` does the
same in a file, without a store); an HMAC chain made with the course's key links all records (`chain`). `results`
holds attempts and verdicts, `overview` is what a leaderboard reads.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator
from typing import Self

from sqlalchemy import select

from autograder.store.claims import Claim, ClaimLost, Claims, Regrade, RunBusy, RunFinished, RunKey
from autograder.store.class_changes import ClassChange, ClassChanges, Roster
from autograder.store.counting.attempt_history import AttemptHistories
from autograder.store.counting.attempt_rule import AttemptRule, counting_attempt
from autograder.store.counting.regrades import Regrades
from autograder.store.counting.valid_verdicts import RegradeHistory, RegradeRecord
from autograder.store.database import RETRY_SECONDS, Database
from autograder.store.engine import STORE_VARIABLE, StoreError, is_begun, name_of, store_url
from autograder.store.loading import GradedAttempt
from autograder.store.models import ChainHead
from autograder.store.overview import AttemptInProgress, AttemptSummary, Cursor, Overview, RunSummary
from autograder.store.results import Results, SharedRecipe
from autograder.store.secret import SECRET_VARIABLE, course_secret, read_secret, secret_place
from course.errors import UsageError

__all__ = [
    "STORE_VARIABLE",
    "AttemptInProgress",
    "AttemptRule",
    "AttemptSummary",
    "Claim",
    "ClaimLost",
    "ClassChange",
    "Cursor",
    "GradedAttempt",
    "Regrade",
    "RegradeHistory",
    "RegradeRecord",
    "Roster",
    "RunBusy",
    "RunFinished",
    "RunKey",
    "RunSummary",
    "SharedRecipe",
    "Store",
    "StoreError",
    "counting_attempt",
    "open_store",
]


class Store:
    """An open store, for any number of threads. `claims` are for the grader, `results` for the gradebook and for
    people, `overview` for the leaderboard, `class_changes` for who is dropped, renamed, merged, hidden or in a team,
    `regrades` for new verdicts for many attempts at once, and the way back, `attempt_histories` for all that is kept of
    one attempt.
    """

    def __init__(self, database: Database):
        self._database = database
        self.name = database.name  # for people: without a password
        self.url = database.url
        self.claims = Claims(database)
        self.results = Results(database)
        self.overview = Overview(database)
        self.class_changes = ClassChanges(database)
        self.regrades = Regrades(database)
        self.attempt_histories = AttemptHistories(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.claims.close()
        self._database.close()

    def verify(self, noted: str | None = None) -> Iterator[str]:
        """One sentence for each record that is not as it was written; `noted` is a `chain_end` noted earlier."""
        return iter(self._database.read(lambda session: list(self._database.chain.verify(session, noted))))

    def chain_end(self) -> tuple[int, str]:
        """The number of records in the chain, and its last MAC: noted elsewhere, it exposes an older copy later."""
        head = self._database.read(lambda session: session.scalars(select(ChainHead)).one())
        return head.number, head.mac


def open_store(
    url: str | None = None,
    *,
    retry_seconds: float = RETRY_SECONDS,
    read_only: bool = False,
    groupshared: bool = False,
) -> Store:
    """The store at a URL or path; None means $UNDER8K_STORE, else the course's own file, else one of the user's.

    `retry_seconds`: how long an operation is retried on a database that cannot be reached or is full. `read_only`: to
    look at it; no file is created for that, neither a store nor a secret, and one that is not there is empty.
    `groupshared`: let the group write a store in a file, as nbgrader's setting does. Raises UsageError, StoreError.
    """
    database_url = store_url(url)
    begun = is_begun(database_url)  # asked first: who begins a store has made the secret before
    secret = read_secret()
    if secret is None and (begun or (read_only and database_url.get_backend_name() != "sqlite")):
        raise UsageError(
            f"There is no course secret in {secret_place()}, and the store {name_of(database_url)} was begun with one. "
            f"Set {SECRET_VARIABLE} to it, or copy its file there."
        )
    if secret is None:
        secret = secrets.token_bytes(32) if read_only else course_secret()
    key = hmac.digest(secret, b"under8k store", "sha256")
    return Store(Database(database_url, key, retry_seconds, read_only=read_only, groupshared=groupshared))
