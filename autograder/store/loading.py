"""Graded attempts with their results, read in a fixed number of queries and checked against the chain."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from autograder.store.chain import Chain
from autograder.store.claims import epoch_result, run_record
from autograder.store.class_changes import Roster, load_roster
from autograder.store.counting.attempt_rule import Quality, attempt_quality
from autograder.store.counting.valid_verdicts import RegradeHistory, load_history
from autograder.store.engine import batches
from autograder.store.models import (
    Base,
    StoredAttempt,
    StoredEpoch,
    StoredRun,
    StoredSubmission,
    StoredVerdict,
    VerdictRun,
)
from autograder.store.records import Result, RunRecord
from course.inspection.record import Inspection
from course.rules import Verdict

INSPECTION = TypeAdapter(Inspection)
CONDITIONS = "conditions"  # of the capture: kept among a verdict's versions, and shown to nobody


@dataclass(frozen=True)
class GradedAttempt:
    """One attempt with the verdict that counts. `number` counts a student's attempts from 1, in the order of hand-in.

    `student` is the one, or the team, that it counts for by the class changes; `handed_in_as` the name that it came
    under.
    """

    student: str
    assignment: str
    number: int
    attempts: int
    handed_in: dt.datetime
    graded: dt.datetime
    spec_hash: str | None
    reason: str  # why it was regraded
    result: Result
    handed_in_as: str = ""
    attempt_id: int = 0
    verdict_id: int = 0
    rules: dict[str, Any] = field(default_factory=dict)  # by which it was judged
    options: str = ""  # of the grading, as far as a verdict depends on them
    conditions: str = ""  # under which its recipe was captured

    @property
    def official(self) -> bool:
        return self.result.official

    @property
    def quality(self) -> Quality:
        runs = self.result.runs
        return attempt_quality(self.result.verdict, [([] if run.ended else run.correct, run.total) for run in runs])


def load_graded_attempts(
    session: Session,
    chain: Chain,
    *,
    assignment: str | None = None,
    student: str | None = None,
    attempt_id: int | None = None,
) -> list[GradedAttempt]:
    """By assignment, student and time of hand-in. Raises GraderError if a record is not what was written."""
    newest = _newest_verdicts(load_history(session, chain))
    if assignment is not None:
        newest = newest.where(StoredSubmission.assignment == assignment)
    roster = load_roster(session, chain)
    if student is not None:
        newest = newest.where(StoredSubmission.student.in_(roster.names_of(student, assignment)))
    if attempt_id is not None:
        newest = newest.where(StoredAttempt.id == attempt_id)
    rows = (
        select(StoredSubmission, StoredAttempt, StoredVerdict)
        .join(StoredAttempt, StoredAttempt.submission_id == StoredSubmission.id)
        .join(StoredVerdict, StoredVerdict.attempt_id == StoredAttempt.id)
        .where(StoredVerdict.id.in_(newest))
        .order_by(StoredAttempt.handed_in, StoredAttempt.id)
    )
    graded = [(submission, attempt, verdict) for submission, attempt, verdict in session.execute(rows)]
    if not graded:
        return []
    runs_of, run_rows = _load_runs(session, newest)
    chain.check(session, [*_unique(row for rows in graded for row in rows), *run_rows])
    order = _attempt_order(session, roster, {submission for submission, _, _ in graded})
    attempts = []
    for submission, attempt, verdict in graded:
        unit = roster.unit(submission.student, submission.assignment)
        if student is not None and unit != roster.unit(student, submission.assignment):
            continue  # of a team in another assignment
        of_unit = order[submission.assignment, unit]
        attempts.append(
            GradedAttempt(
                student=unit,
                assignment=submission.assignment,
                number=of_unit.index(attempt.id) + 1,
                attempts=len(of_unit),
                handed_in=attempt.handed_in,
                graded=verdict.judged_at,
                spec_hash=verdict.spec_hash,
                reason=verdict.reason,
                result=_result(submission, attempt, verdict, runs_of[verdict.id]),
                handed_in_as=submission.student,
                attempt_id=attempt.id,
                verdict_id=verdict.id,
                rules=verdict.rules,
                options=verdict.options,
                conditions=verdict.versions.get(CONDITIONS, ""),
            )
        )
    return sorted(attempts, key=lambda attempt: (attempt.assignment, attempt.student))


def _newest_verdicts(history: RegradeHistory) -> Select[int]:
    """The ids of the verdicts that count, joined with their attempts and submissions."""
    return (
        select(func.max(StoredVerdict.id))
        .join(StoredAttempt, StoredAttempt.id == StoredVerdict.attempt_id)
        .join(StoredSubmission, StoredSubmission.id == StoredAttempt.submission_id)
        .where(history.is_valid)
        .group_by(StoredVerdict.attempt_id)
    )


def _load_runs(session: Session, verdicts: Select[int]) -> tuple[dict[int, list[RunRecord]], list[Base]]:
    """Verdict id -> its runs in their order; and the rows that were read, each once."""
    uses = session.scalars(
        select(VerdictRun).where(VerdictRun.verdict_id.in_(verdicts)).order_by(VerdictRun.verdict_id, VerdictRun.number)
    ).all()
    run_ids = select(VerdictRun.run_id).where(VerdictRun.verdict_id.in_(verdicts))
    runs = {run.id: run for run in session.scalars(select(StoredRun).where(StoredRun.id.in_(run_ids)))}
    epochs = session.scalars(
        select(StoredEpoch).where(StoredEpoch.run_id.in_(run_ids)).order_by(StoredEpoch.run_id, StoredEpoch.epoch)
    ).all()
    epochs_of = defaultdict(list)
    for row in epochs:
        epochs_of[row.run_id].append(epoch_result(row))
    records = {run.id: run_record(run, epochs_of[run.id]) for run in runs.values()}
    runs_of: dict[int, list[RunRecord]] = defaultdict(list)
    for use in uses:
        runs_of[use.verdict_id].append(records[use.run_id])
    return runs_of, [*uses, *runs.values(), *epochs]


def _attempt_order(
    session: Session, roster: Roster, submissions: Iterable[StoredSubmission]
) -> dict[tuple[str, str], list[int]]:
    """(assignment, unit) -> the ids of all its attempts, in the order of hand-in."""
    names = {name for s in submissions for name in roster.names_of(s.student, s.assignment)}
    columns = (
        select(StoredSubmission.assignment, StoredSubmission.student, StoredAttempt.id, StoredAttempt.handed_in)
        .join(StoredAttempt, StoredAttempt.submission_id == StoredSubmission.id)
    )  # fmt: skip
    rows = [
        row
        for batch in batches(sorted(names))
        for row in session.execute(columns.where(StoredSubmission.student.in_(batch)))
    ]
    order: dict[tuple[str, str], list[int]] = defaultdict(list)
    for assignment, student, attempt_id, _ in sorted(rows, key=lambda row: (row.handed_in, row.id)):
        order[assignment, roster.unit(student, assignment)].append(attempt_id)
    return order


def _result(
    submission: StoredSubmission, attempt: StoredAttempt, verdict: StoredVerdict, runs: Iterable[RunRecord]
) -> Result:
    return Result(
        submission=attempt.file,
        assignment=submission.assignment,
        verdict=cast(Verdict, verdict.verdict),  # the chain says that the grader wrote it
        reasons=tuple(verdict.reasons),
        borderline=verdict.borderline,
        official=verdict.official,
        isolation=verdict.isolation,
        # through JSON: from Python values, pydantic would not take a list for a tuple
        inspection=INSPECTION.validate_json(json.dumps(verdict.inspection)) if verdict.inspection else None,
        runs=tuple(runs),
        versions=versions_of(verdict),
    )


def versions_of(verdict: StoredVerdict) -> dict[str, str]:
    return {name: version for name, version in verdict.versions.items() if name != CONDITIONS}


def _unique(rows: Iterable[Base]) -> list[Base]:
    return list(dict.fromkeys(rows))
