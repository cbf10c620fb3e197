"""Regrades: new verdicts for many attempts at once, as one record that another one takes back.

    record = store.regrades.apply([Replacement(before, new_verdict(...)), ...], reason="the limit was too high")
    store.regrades.undo(record.number, reason="it was not")     every attempt has the verdict from before
    store.regrades.history()                                     all records, and what is in force

Nothing is changed or deleted: both are kept, with who, when and why. Grades that people gave are not in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from autograder.store.class_changes import current_user, load_roster
from autograder.store.counting.valid_verdicts import RegradeHistory, RegradeRecord, load_history, regrade_record
from autograder.store.database import Database
from autograder.store.models import (
    Base,
    RegradedVerdict,
    StoredAttempt,
    StoredRegrade,
    StoredSubmission,
    StoredVerdict,
    utc_now,
)
from autograder.store.results import NewVerdict, add_verdict
from course.errors import UsageError


@dataclass(frozen=True)
class Replacement:
    """A new verdict, in the place of the one with the id `before`."""

    before: int
    verdict: NewVerdict


@dataclass(frozen=True)
class VerdictChange:
    """What a regrade said of one attempt: the verdict before, and its own. `student` may be a team."""

    regrade: int
    student: str
    assignment: str
    before: str
    after: str


class Regrades:
    """The part of a store that keeps regrades. Every method may raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def history(self) -> RegradeHistory:
        """Raises GraderError if a record is not what was written."""
        return self._database.read(lambda session: load_history(session, self._database.chain))

    def apply(self, replacements: Sequence[Replacement], *, reason: str) -> RegradeRecord:
        """Make the new verdicts count. Raises UsageError, and writes nothing, if one of the old ones counts no more."""

        def add(session: Session) -> RegradeRecord:
            history = load_history(session, self._database.chain)
            for replacement in replacements:
                counting = session.scalars(history.newest(replacement.verdict.attempt_id)).first()
                if counting is None or counting.id != replacement.before:
                    raise UsageError(
                        "Somebody graded meanwhile, so the verdicts are not those that were compared. Nothing is "
                        "changed: look at the preview again."
                    )
            record = _new_record(session, None, len(replacements), reason)
            rows: list[Base] = [record]
            for replacement in replacements:
                verdict, runs = add_verdict(session, replacement.verdict)
                link = RegradedVerdict(verdict_id=verdict.id, before_id=replacement.before, regrade_id=record.id)
                session.add(link)
                rows += [verdict, *runs, link]
            self._database.chain.append(session, rows)
            return regrade_record(record)

        return self._database.write(add)

    def undo(self, number: int, *, reason: str) -> RegradeRecord:
        """Take a regrade back, or its undo. Raises UsageError if it is not in force."""

        def add(session: Session) -> RegradeRecord:
            _check_undo(load_history(session, self._database.chain), number)
            record = _new_record(session, number, 0, reason)
            self._database.chain.append(session, [record])
            return regrade_record(record)

        return self._database.write(add)

    def changes(self) -> list[VerdictChange]:
        """What each regrade said, by number and student, whether it is in force or not."""

        def read(session: Session) -> list[VerdictChange]:
            before, after, r = aliased(StoredVerdict), aliased(StoredVerdict), RegradedVerdict
            rows = session.execute(
                select(
                    r.regrade_id, StoredSubmission.student, StoredSubmission.assignment, before.verdict, after.verdict
                )
                .join(after, after.id == r.verdict_id)
                .join(before, before.id == r.before_id)
                .join(StoredAttempt, StoredAttempt.id == after.attempt_id)
                .join(StoredSubmission, StoredSubmission.id == StoredAttempt.submission_id)
            )
            roster = load_roster(session, self._database.chain)
            changes = [VerdictChange(n, roster.unit(name, a), a, *verdicts) for n, name, a, *verdicts in rows]
            return sorted(changes, key=lambda change: (change.regrade, change.assignment, change.student))

        return self._database.read(read)


def _new_record(session: Session, undoes: int | None, verdicts: int, reason: str) -> StoredRegrade:
    row = StoredRegrade(
        undoes=undoes, verdicts=verdicts, reason=reason, changed_by=current_user(), changed_at=utc_now()
    )
    session.add(row)
    session.flush()
    return row


def _check_undo(history: RegradeHistory, number: int) -> None:
    records = {record.number: record for record in history.records}
    if number not in records:
        raise UsageError(f"There is no regrade {number}. `autograder regrade --list` shows all.")
    if number in history.undone:
        raise UsageError(f"Regrade {number} is taken back already.")
    undone = records[number].undoes
    if undone is not None and records[undone].undoes is not None:
        raise UsageError(f"Regrade {number} is an undo of an undo. Take regrade {records[undone].undoes} back itself.")
