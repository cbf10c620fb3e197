"""Which of an attempt's verdicts counts: the newest that no regrade which was taken back has made.

A regrade only adds verdicts, so that it is taken back by another record: every attempt has then the verdict that it
would have without the regrade.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from autograder.store.chain import Chain
from autograder.store.class_changes import taken_back
from autograder.store.models import RegradedVerdict, StoredRegrade, StoredVerdict
from course.errors import GraderError


@dataclass(frozen=True)
class RegradeRecord:
    """A regrade that made so many `verdicts`; or one that `undoes` another one, and made none."""

    number: int
    undoes: int | None
    verdicts: int
    reason: str
    changed_by: str
    changed_at: dt.datetime


@dataclass(frozen=True)
class KeptVerdict:
    """What the verdict of an attempt is kept from: a regrade by these rules and options, which was taken back."""

    regrade: int
    rules_hash: str
    options: str


class RegradeHistory:
    """All regrades, and what follows from those that were taken back."""

    def __init__(self, records: Sequence[RegradeRecord] = ()):
        self.records, self.undone = tuple(records), taken_back(records)

    @property
    def version(self) -> int:
        """The number of the last record; 0 without any."""
        return self.records[-1].number if self.records else 0

    @cached_property
    def _withdrawn(self) -> Select[int]:
        """The verdicts that do not count."""
        return select(RegradedVerdict.verdict_id).where(RegradedVerdict.regrade_id.in_(sorted(self.undone)))

    @property
    def is_valid(self) -> ColumnElement[bool]:
        """A condition for StoredVerdict: whether a verdict is none that was withdrawn."""
        return StoredVerdict.id.not_in(self._withdrawn) if self.undone else true()

    def newest(self, attempt_id: int) -> Select[StoredVerdict]:
        """The verdict of an attempt that counts."""
        of_attempt = select(StoredVerdict).where(StoredVerdict.attempt_id == attempt_id, self.is_valid)
        return of_attempt.order_by(StoredVerdict.id.desc()).limit(1)

    def kept(self, session: Session, attempt_id: int | None = None) -> dict[int, list[KeptVerdict]]:
        """Attempt id -> the regrades that were taken back and whose verdicts are newer than the one that counts."""
        if not self.undone:
            return {}
        v = StoredVerdict
        valid = select(v.attempt_id, func.max(v.id).label("id")).where(self.is_valid).group_by(v.attempt_id)
        if attempt_id is not None:
            valid = valid.where(v.attempt_id == attempt_id)
        counting = valid.subquery()
        rows = (
            select(v.attempt_id, RegradedVerdict.regrade_id, v.rules_hash, v.options)
            .join(RegradedVerdict, RegradedVerdict.verdict_id == v.id)
            .join(counting, counting.c.attempt_id == v.attempt_id)
            .where(v.id.in_(self._withdrawn), v.id > counting.c.id)
            .order_by(v.id)
        )
        kept: dict[int, list[KeptVerdict]] = defaultdict(list)
        for attempt, regrade, rules_hash, options in session.execute(rows):
            kept[attempt].append(KeptVerdict(regrade, rules_hash, options))
        return kept

    def check(self, session: Session) -> None:
        """Raise GraderError if a verdict of a regrade that was taken back is no longer known as its."""
        counts = (
            select(RegradedVerdict.regrade_id, func.count().label("verdicts"))
            .where(RegradedVerdict.regrade_id.in_(sorted(self.undone)))
            .group_by(RegradedVerdict.regrade_id)
        )
        found = {row.regrade_id: row.verdicts for row in session.execute(counts)}
        for record in self.records:
            if record.number in self.undone and record.verdicts != found.get(record.number, 0):
                raise GraderError(
                    f"Of regrade {record.number}, which was taken back, the store has {found.get(record.number, 0)} of "
                    f"{record.verdicts} verdicts, so nothing is based on it. `autograder verify` says more."
                )


def load_history(session: Session, chain: Chain) -> RegradeHistory:
    """Raises GraderError if a record is not what was written."""
    rows = session.scalars(select(StoredRegrade).order_by(StoredRegrade.id)).all()
    if not rows:
        return RegradeHistory()
    chain.check(session, rows)
    history = RegradeHistory([regrade_record(row) for row in rows])
    if history.undone:
        made = select(RegradedVerdict).where(RegradedVerdict.regrade_id.in_(sorted(history.undone)))
        chain.check(session, session.scalars(made).all())
        history.check(session)
    return history


def regrade_record(row: StoredRegrade) -> RegradeRecord:
    return RegradeRecord(row.id, row.undoes, row.verdicts, row.reason, row.changed_by, row.changed_at)
