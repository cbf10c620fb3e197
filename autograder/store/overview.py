"""Everything at once, for a leaderboard: what is new since the last look, in a handful of queries.

    overview.since(0)        all attempts with their newest verdicts
    overview.since(cursor)     those that have come since; nothing, usually
    overview.in_progress()     where the others stand

It reads plain columns and checks no chain: a table of a class is a view. Sources and mistakes are checked; whoever
looks closer at a verdict asks `Store.results`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from autograder.store import owners
from autograder.store.database import Database
from autograder.store.engine import clock
from autograder.store.models import (
    Attempt,
    Grading,
    Source,
    StoredEpoch,
    StoredMistakes,
    StoredRun,
    StoredVerdict,
    Submission,
    VerdictRun,
)

MAX_IDS_PER_QUERY = 500  # ids in one query; SQLite takes 32,766


@dataclass(frozen=True)
class RunSummary:
    """A run as a table shows it; `correct` of `total` test images, epoch by epoch; `ended` is why it broke off."""

    id: int
    seed: int
    device: str
    seconds: float
    correct: tuple[int, ...]
    total: int
    ended: str = ""

    @property
    def counts(self) -> tuple[int, ...]:
        """What is judged: nothing of a run that broke off."""
        return () if self.ended else self.correct


@dataclass(frozen=True)
class AttemptSummary:
    """An attempt and, where it has one, its newest verdict. `rules` are those it was judged by, as a dict."""

    attempt_id: int
    student: str
    assignment: str
    handed_in: dt.datetime
    source_hash: str
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    borderline: bool = False
    official: bool = True
    counted: int | None = None
    epochs: int | None = None
    spec_hash: str | None = None
    rules: dict[str, Any] | None = None
    runs: tuple[RunSummary, ...] = ()


@dataclass(frozen=True)
class AttemptInProgress:
    """An attempt on its way to a verdict: `finished` of `epochs` trained, or a `fault` of ours; neither: it waits."""

    attempt_id: int
    finished: int = 0
    epochs: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Cursor:
    """Up to where somebody has looked."""

    attempt: int = 0
    verdict: int = 0


class Overview:
    """Reads for the leaderboard. All raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def since(self, cursor: Cursor = Cursor()) -> tuple[Cursor, list[AttemptSummary]]:
        """What has come since, each attempt once; and the cursor to ask with next time."""
        return self._database.read(lambda session: _since(session, cursor))

    def in_progress(self) -> list[AttemptInProgress]:
        """Attempts whose run is being trained by somebody alive, and those that we could not grade."""
        return self._database.read(_in_progress)

    def source(self, attempt_id: int) -> str:
        """The recipe of an attempt; empty when there was none, or it is older than sources in the store."""
        wanted = select(Source).join(Attempt, Attempt.source_hash == Source.hash).where(Attempt.id == attempt_id)
        found = self._database.read(lambda session: self._checked(session, wanted))
        return found.text if found else ""

    def misclassified(self, run_id: int) -> list[tuple[int, int]]:
        """(image, what the network said) of the run's last epoch; empty when they were not kept."""
        wanted = select(StoredMistakes).where(StoredMistakes.run_id == run_id)
        found = self._database.read(lambda session: self._checked(session, wanted))
        return [(image, said) for image, said in found.wrong] if found else []

    def _checked(self, session: Session, wanted):
        """The row, with its link in the chain. Raises GraderError when it was changed."""
        found = session.scalar(wanted)
        if found is not None:
            self._database.chain.check(session, [found])
            session.expunge(found)
        return found


def _since(session: Session, cursor: Cursor) -> tuple[Cursor, list[AttemptSummary]]:
    # whoever writes holds the lock on the chain's head, so numbers become visible in their order; verdicts come first,
    # so that one that is given meanwhile, with its attempt, is told once more rather than never
    verdict = session.scalar(select(func.max(StoredVerdict.id))) or 0
    now = Cursor(session.scalar(select(func.max(Attempt.id))) or 0, verdict)
    if now == cursor:
        return cursor, []
    newest = (
        select(func.max(StoredVerdict.id)).where(StoredVerdict.id > cursor.verdict).group_by(StoredVerdict.attempt_id)
    )
    judged = {row.attempt_id: row for row in session.execute(_columns().where(StoredVerdict.id.in_(newest)))}
    fresh = select(Attempt.id).where(Attempt.id > cursor.attempt)
    attempts = _attempts(session, {*judged, *session.scalars(fresh)})
    runs = _runs(session, [row.id for row in judged.values()])
    return now, [_seen(row, judged.get(row.id), runs) for row in attempts]


def _columns():
    v = StoredVerdict
    return select(
        v.id, v.attempt_id, v.verdict, v.reasons, v.borderline, v.official, v.inspection, v.spec_hash, v.rules
    )


def _attempts(session: Session, ids: Collection[int]) -> list:
    wanted = select(Attempt.id, Submission.student, Submission.assignment, Attempt.handed_in, Attempt.source_hash).join(
        Submission, Attempt.submission_id == Submission.id
    )
    return [row for some in _parts(sorted(ids)) for row in session.execute(wanted.where(Attempt.id.in_(some)))]


def _runs(session: Session, verdicts: Collection[int]) -> dict[int, list[RunSummary]]:
    """Verdict -> its runs in their order."""
    run = (StoredRun.id, StoredRun.seed, StoredRun.device, StoredRun.seconds, StoredRun.ended)
    uses = select(VerdictRun.verdict_id, *run)
    uses = uses.join(StoredRun, VerdictRun.run_id == StoredRun.id).order_by(VerdictRun.verdict_id, VerdictRun.number)
    found = [row for some in _parts(verdicts) for row in session.execute(uses.where(VerdictRun.verdict_id.in_(some)))]
    epochs = select(StoredEpoch.run_id, StoredEpoch.correct, StoredEpoch.test_total)
    epochs = epochs.order_by(StoredEpoch.run_id, StoredEpoch.epoch)
    correct: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for some in _parts(sorted({row.id for row in found})):
        for run_id, right, total in session.execute(epochs.where(StoredEpoch.run_id.in_(some))):
            correct[run_id].append((right, total))
    runs: dict[int, list[RunSummary]] = defaultdict(list)
    for row in found:
        counts = correct[row.id]
        total = counts[0][1] if counts else 10_000
        runs[row.verdict_id].append(
            RunSummary(row.id, row.seed, row.device, row.seconds, tuple(right for right, _ in counts), total, row.ended)
        )
    return runs


def _seen(attempt, verdict, runs: dict[int, list[RunSummary]]) -> AttemptSummary:
    known = AttemptSummary(attempt.id, attempt.student, attempt.assignment, attempt.handed_in, attempt.source_hash)
    if verdict is None:
        return known
    inspection = verdict.inspection or {}
    return AttemptSummary(
        *(known.attempt_id, known.student, known.assignment, known.handed_in, known.source_hash),
        verdict=verdict.verdict,
        reasons=tuple(verdict.reasons),
        borderline=verdict.borderline,
        official=verdict.official,
        counted=sum(part["numbers"] for part in inspection["parts"]) if inspection else None,
        epochs=inspection.get("epochs"),
        spec_hash=verdict.spec_hash,
        rules=verdict.rules,
        runs=tuple(runs.get(verdict.id, ())),
    )


def _in_progress(session: Session) -> list[AttemptInProgress]:
    now = clock(session)
    finished = select(func.count()).where(StoredEpoch.run_id == StoredRun.id).scalar_subquery()
    rows = select(Grading, StoredRun.owner, StoredRun.beat, StoredRun.finished, finished).outerjoin(
        StoredRun, Grading.run_id == StoredRun.id
    )
    found = []
    for grading, owner, beat, ended, epochs in session.execute(rows):
        if grading.fault:
            found.append(AttemptInProgress(grading.attempt_id, fault=grading.fault))
        elif grading.run_id is not None and ended is None and owners.is_alive(owner, now - beat):
            found.append(AttemptInProgress(grading.attempt_id, epochs, grading.epochs))
    return found


def _parts(ids) -> list:
    ids = list(ids)
    return [ids[start : start + MAX_IDS_PER_QUERY] for start in range(0, len(ids), MAX_IDS_PER_QUERY)]
