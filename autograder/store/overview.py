"""The whole class at once, for a leaderboard: what is new since the last look, in a few queries.

    cursor, attempts = overview.since()          all attempts with their newest verdicts
    cursor, attempts = overview.since(cursor)    those that are new since then; usually none
    overview.in_progress()                       what happens to attempts without a verdict

It reads plain columns and does not check the chain, except for sources, misclassified images, class changes and
regrades. For a verdict that is checked, ask `Store.results`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from autograder.store.class_changes import Roster, load_roster
from autograder.store.counting.attempt_rule import Quality, attempt_quality
from autograder.store.counting.valid_verdicts import KeptVerdict, RegradeHistory, load_history
from autograder.store.database import Database
from autograder.store.engine import batches, clock
from autograder.store.models import (
    Base,
    GradingProgress,
    StoredAttempt,
    StoredEpoch,
    StoredMistakes,
    StoredRun,
    StoredSource,
    StoredSubmission,
    StoredVerdict,
    VerdictRun,
)
from autograder.workers import owners
from course.recipe import TEST_IMAGES

R = TypeVar("R", bound=Base)


@dataclass(frozen=True)
class RunSummary:
    """A run as a table shows it: `correct` of `total` test images, epoch by epoch. `ended` says why it broke off."""

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
    """An attempt and its verdict that counts, if it has one. `rules` are those it was judged by, as a dict.

    `student` is the one, or the team, that it counts for by the class changes; `first_name` is the id before any
    renaming.
    """

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
    first_name: str = ""
    kept: tuple[KeptVerdict, ...] = ()  # the newer verdicts that were taken back

    @property
    def quality(self) -> Quality:
        return attempt_quality(self.verdict, [(run.counts, run.total) for run in self.runs])


@dataclass(frozen=True)
class AttemptInProgress:
    """An attempt before its verdict: `finished` of `epochs` are trained, or a `fault` of ours; neither if it waits."""

    attempt_id: int
    finished: int = 0
    epochs: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Cursor:
    """The newest attempt, verdict, class change and regrade that a reader knows, by id."""

    attempt: int = 0
    verdict: int = 0
    class_change: int = 0
    regrade: int = 0


class Overview:
    """What a leaderboard reads. Every method may raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def since(self, cursor: Cursor = Cursor(), *, everybody: bool = False) -> tuple[Cursor, list[AttemptSummary]]:
        """The attempts that are new or have a new verdict, each once; and the cursor for the next call.

        After a class change or a regrade it is all attempts. Those of students who are dropped or hidden are left out,
        unless `everybody` asks for them.
        """

        def read(session: Session) -> tuple[Cursor, list[AttemptSummary]]:
            chain = self._database.chain
            return _since(session, load_roster(session, chain), load_history(session, chain), cursor, everybody)

        return self._database.read(read)

    def in_progress(self) -> list[AttemptInProgress]:
        """Attempts whose run is in training by a live process, and those that could not be graded by our own fault."""
        return self._database.read(_in_progress)

    def source(self, attempt_id: int) -> str:
        """The recipe of an attempt; empty if it had none, or was stored before sources were. Raises GraderError."""
        attempts_source = (
            select(StoredSource)
            .join(StoredAttempt, StoredAttempt.source_hash == StoredSource.hash)
            .where(StoredAttempt.id == attempt_id)
        )
        source = self._database.read(lambda session: self._checked(session, attempts_source))
        return source.text if source else ""

    def misclassified(self, run_id: int) -> list[tuple[int, int]]:
        """(image, predicted digit) of a run's last epoch; empty if they were not stored. Raises GraderError."""
        query = select(StoredMistakes).where(StoredMistakes.run_id == run_id)
        mistakes = self._database.read(lambda session: self._checked(session, query))
        return [(image, predicted) for image, predicted in mistakes.wrong] if mistakes else []

    def _checked(self, session: Session, query: Select[R]) -> R | None:
        """The row, compared with its link in the chain. Raises GraderError if it was changed."""
        row = session.scalar(query)
        if row is not None:
            self._database.chain.check(session, [row])
            session.expunge(row)
        return row


def _since(
    session: Session, roster: Roster, history: RegradeHistory, cursor: Cursor, everybody: bool
) -> tuple[Cursor, list[AttemptSummary]]:
    # Writers hold the lock on the chain's head, so ids become visible in ascending order. The verdicts' maximum is read
    # first: if an attempt and its verdict are written in between, duplicates are possible, misses are not.
    newest_verdict = session.scalar(select(func.max(StoredVerdict.id))) or 0
    newest_attempt = session.scalar(select(func.max(StoredAttempt.id))) or 0
    now = Cursor(newest_attempt, newest_verdict, roster.version, history.version)
    if now == cursor:
        return cursor, []
    if (now.class_change, now.regrade) != (cursor.class_change, cursor.regrade):
        cursor = Cursor()
    newest = (
        select(func.max(StoredVerdict.id))
        .where(StoredVerdict.id > cursor.verdict, history.is_valid)
        .group_by(StoredVerdict.attempt_id)
    )
    verdicts = {row.attempt_id: row for row in session.execute(_verdict_columns().where(StoredVerdict.id.in_(newest)))}
    new_attempts = session.scalars(select(StoredAttempt.id).where(StoredAttempt.id > cursor.attempt))
    attempts = _attempts(session, roster, {*verdicts, *new_attempts}, everybody)
    runs, kept = _runs(session, [row.id for row in verdicts.values()]), history.kept(session)
    return now, [
        replace(
            _with_verdict(attempt, verdicts.get(attempt.attempt_id), runs), kept=tuple(kept.get(attempt.attempt_id, ()))
        )
        for attempt in attempts
    ]


def _verdict_columns() -> Select[Any]:
    v = StoredVerdict
    return select(
        v.id, v.attempt_id, v.verdict, v.reasons, v.borderline, v.official, v.inspection, v.spec_hash, v.rules
    )


def _attempts(session: Session, roster: Roster, ids: Iterable[int], everybody: bool) -> list[AttemptSummary]:
    columns = select(
        StoredAttempt.id,
        StoredSubmission.student,
        StoredSubmission.assignment,
        StoredAttempt.handed_in,
        StoredAttempt.source_hash,
    ).join(StoredSubmission, StoredAttempt.submission_id == StoredSubmission.id)
    rows = [
        row for batch in batches(sorted(ids)) for row in session.execute(columns.where(StoredAttempt.id.in_(batch)))
    ]
    attempts = []
    for attempt_id, name, assignment, handed_in, source_hash in rows:
        unit = roster.unit(name, assignment)
        if everybody or roster.is_shown(unit, assignment):
            first = roster.first_name(unit)
            attempts.append(AttemptSummary(attempt_id, unit, assignment, handed_in, source_hash, first_name=first))
    return attempts


def _runs(session: Session, verdict_ids: Sequence[int]) -> dict[int, list[RunSummary]]:
    """Verdict id -> its runs in their order."""
    columns = (
        select(
            VerdictRun.verdict_id,
            StoredRun.id,
            StoredRun.seed,
            StoredRun.device,
            StoredRun.seconds,
            StoredRun.ended,
        )
        .join(StoredRun, VerdictRun.run_id == StoredRun.id)
        .order_by(VerdictRun.verdict_id, VerdictRun.number)
    )
    rows = [
        row
        for batch in batches(verdict_ids)
        for row in session.execute(columns.where(VerdictRun.verdict_id.in_(batch)))
    ]
    counts_of = _counts(session, {row.id for row in rows})
    runs: dict[int, list[RunSummary]] = defaultdict(list)
    for row in rows:
        counts = counts_of[row.id]
        correct, total = tuple(count for count, _ in counts), counts[0][1] if counts else TEST_IMAGES
        runs[row.verdict_id].append(RunSummary(row.id, row.seed, row.device, row.seconds, correct, total, row.ended))
    return runs


def _counts(session: Session, run_ids: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """Run id -> (correct, test images), epoch by epoch."""
    columns = select(StoredEpoch.run_id, StoredEpoch.correct, StoredEpoch.test_total)
    columns = columns.order_by(StoredEpoch.run_id, StoredEpoch.epoch)
    counts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for batch in batches(sorted(run_ids)):
        for run_id, correct, total in session.execute(columns.where(StoredEpoch.run_id.in_(batch))):
            counts[run_id].append((correct, total))
    return counts


def _with_verdict(
    attempt: AttemptSummary, verdict: Row[Any] | None, runs: dict[int, list[RunSummary]]
) -> AttemptSummary:
    if verdict is None:
        return attempt
    inspection = verdict.inspection or {}
    return replace(
        attempt,
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
    trained = select(func.count()).where(StoredEpoch.run_id == StoredRun.id).scalar_subquery()
    rows = select(GradingProgress, StoredRun.owner, StoredRun.heartbeat, StoredRun.finished, trained).outerjoin(
        StoredRun, GradingProgress.run_id == StoredRun.id
    )
    attempts = []
    for progress, owner, heartbeat, finished_at, epochs in session.execute(rows):
        if progress.fault:
            attempts.append(AttemptInProgress(progress.attempt_id, fault=progress.fault))
        elif progress.run_id is not None and finished_at is None and owners.is_alive(owner, now - heartbeat):
            attempts.append(AttemptInProgress(progress.attempt_id, epochs, progress.epochs))
    return attempts
