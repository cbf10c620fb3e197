"""All that is kept of one attempt: every verdict, in force or not, and the runs that each rests on.

    history = store.attempt_histories.of(attempt_id)
    history.verdict                                     the one that counts
    history.problems                                    records that are not as they were written

It is for people who ask how a verdict came about. So it also gives what was changed from outside, and says so; the
grader asks `Results`, which refuses it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from autograder.store.chain import Chain
from autograder.store.claims import RunKey, epoch_result, run_record
from autograder.store.counting.valid_verdicts import RegradeHistory, RegradeRecord, load_history
from autograder.store.database import Database
from autograder.store.loading import INSPECTION, versions_of
from autograder.store.models import (
    Base,
    RegradedVerdict,
    StoredAttempt,
    StoredEpoch,
    StoredRun,
    StoredSource,
    StoredSpec,
    StoredSubmission,
    StoredVerdict,
    VerdictRun,
)
from autograder.store.records import RunRecord
from course.errors import GraderError
from course.inspection.record import Inspection

R = TypeVar("R", bound=Base)


@dataclass(frozen=True)
class RunHistory:
    """One run. `key` is what its numbers depend on; `trained_by` are machine and process of each epoch, for people."""

    id: int
    key: RunKey
    record: RunRecord
    isolation: str
    versions: dict[str, str]
    repetition: int  # from 0
    reason: str  # of the repetition
    started: dt.datetime
    finished: dt.datetime | None
    trained_by: tuple[str, ...]


@dataclass(frozen=True)
class VerdictHistory:
    """One verdict. `regrade` made it, if any did, and it `is_in_force` unless that was taken back.

    `spec` is what was trained, as JSON; empty if nothing was.
    """

    id: int
    verdict: str
    reasons: tuple[str, ...]
    borderline: bool
    official: bool
    rules: dict[str, Any]
    options: str
    isolation: str
    versions: dict[str, str]
    spec_hash: str | None
    spec: str
    inspection: Inspection | None
    reason: str
    judged_at: dt.datetime
    regrade: RegradeRecord | None
    is_in_force: bool
    runs: tuple[RunHistory, ...]


@dataclass(frozen=True)
class AttemptHistory:
    """One attempt as it was handed in, with its verdicts in their order.

    `source` is empty if none is kept. `records` were compared with the chain; `problems` are sentences about those that
    are not as they were written.
    """

    id: int
    handed_in_as: str
    assignment: str
    file: str
    source_hash: str
    handed_in: dt.datetime
    recorded: dt.datetime
    source: str
    verdicts: tuple[VerdictHistory, ...]
    records: int
    problems: tuple[str, ...]

    @property
    def verdict(self) -> VerdictHistory | None:
        """The one that counts; None before the first."""
        return next((verdict for verdict in reversed(self.verdicts) if verdict.is_in_force), None)


class AttemptHistories:
    """The part of a store that explains verdicts. Every method may raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def of(self, attempt_id: int) -> AttemptHistory:
        """Raises GraderError if a record of a regrade is not what was written: what counts is not known then."""
        return self._database.read(lambda session: _Reader(session, self._database.chain).read(attempt_id))


class _Reader:
    """Reads one attempt in a transaction, and compares each row with the chain."""

    def __init__(self, session: Session, chain: Chain):
        self._session, self._chain = session, chain
        self._checked: set[Base] = set()
        self._problems: list[str] = []

    def read(self, attempt_id: int) -> AttemptHistory:
        attempt = self._session.get_one(StoredAttempt, attempt_id)
        submission = self._session.get_one(StoredSubmission, attempt.submission_id)
        source = self._session.get(StoredSource, attempt.source_hash)
        self._check([submission, attempt, *([source] if source else [])])
        of_attempt = select(StoredVerdict).where(StoredVerdict.attempt_id == attempt_id).order_by(StoredVerdict.id)
        verdicts = self._check(self._session.scalars(of_attempt).all())
        regrades = self._regrades([verdict.id for verdict in verdicts])
        history = load_history(self._session, self._chain)
        return AttemptHistory(
            id=attempt.id,
            handed_in_as=submission.student,
            assignment=submission.assignment,
            file=attempt.file,
            source_hash=attempt.source_hash,
            handed_in=attempt.handed_in,
            recorded=attempt.recorded,
            source=source.text if source else "",
            verdicts=tuple(self._verdict(verdict, regrades.get(verdict.id), history) for verdict in verdicts),
            records=len(self._checked),
            problems=tuple(self._problems),
        )

    def _regrades(self, verdict_ids: Sequence[int]) -> dict[int, int]:
        """Verdict -> the regrade that made it."""
        made = select(RegradedVerdict).where(RegradedVerdict.verdict_id.in_(verdict_ids))
        return {row.verdict_id: row.regrade_id for row in self._check(self._session.scalars(made).all())}

    def _verdict(self, row: StoredVerdict, regrade: int | None, history: RegradeHistory) -> VerdictHistory:
        spec = self._session.get(StoredSpec, row.spec_hash) if row.spec_hash else None
        self._check([spec] if spec else [])
        uses = select(VerdictRun).where(VerdictRun.verdict_id == row.id).order_by(VerdictRun.number)
        run_ids = [use.run_id for use in self._check(self._session.scalars(uses).all())]
        return VerdictHistory(
            id=row.id,
            verdict=row.verdict,
            reasons=tuple(row.reasons),
            borderline=row.borderline,
            official=row.official,
            rules=row.rules,
            options=row.options,
            isolation=row.isolation,
            versions=versions_of(row),
            spec_hash=row.spec_hash,
            spec=spec.text if spec else "",
            inspection=self._inspection(row),
            reason=row.reason,
            judged_at=row.judged_at,
            regrade=next((record for record in history.records if record.number == regrade), None),
            is_in_force=regrade not in history.undone,
            runs=tuple(run for run_id in run_ids if (run := self._run(run_id))),
        )

    def _inspection(self, row: StoredVerdict) -> Inspection | None:
        if row.inspection is None:
            return None
        try:  # through JSON: from Python values, pydantic would not take a list for a tuple
            return INSPECTION.validate_json(json.dumps(row.inspection))
        except ValueError:
            self._problems.append(f"The count in verdicts {row.id} cannot be read, so it is left out.")
            return None

    def _run(self, run_id: int) -> RunHistory | None:
        run = self._session.get(StoredRun, run_id)
        if run is None:
            self._problems.append(f"Run {run_id}, which a verdict rests on, is missing in the store.")
            return None
        in_order = select(StoredEpoch).where(StoredEpoch.run_id == run_id).order_by(StoredEpoch.epoch)
        epochs = self._session.scalars(in_order).all()
        is_new = run not in self._checked
        self._check([run, *epochs])
        if is_new and [row.epoch for row in epochs] != list(range(1, len(epochs) + 1)):
            self._problems.append(f"An epoch of run {run_id} is missing in the store.")
        return RunHistory(
            id=run.id,
            key=RunKey(*(getattr(run, field.name) for field in fields(RunKey))),
            record=run_record(run, [epoch_result(row) for row in epochs]),
            isolation=run.isolation,
            versions=dict(run.versions),
            repetition=run.repetition,
            reason=run.reason,
            started=run.started,
            finished=run.finished,
            trained_by=tuple(row.trained_by for row in epochs),
        )

    def _check(self, rows: Iterable[R]) -> list[R]:
        """The rows, each compared with its link once: what differs becomes a problem."""
        rows = list(rows)
        for row in rows:
            if row not in self._checked:
                self._checked.add(row)
                try:
                    self._chain.check(self._session, [row])
                except GraderError as error:
                    self._problems.append(str(error))
        return rows
