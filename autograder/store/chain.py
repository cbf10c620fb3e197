"""A chain over everything that was kept, made with the course's key: `verify` finds what was changed behind its back.

Each kept row has a link: its digest, and an HMAC over that and over the link before. An edited row no longer fits its
digest; a link that is missing, moved or made up does not fit its neighbours; the seal on the end shows a tail that was
cut off. Putting a whole older copy of the database in its place is seen only by whoever noted a later end.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from autograder.store.models import CHAINED, Base, Head, Link, StoredRun
from course.errors import GraderError

_BY_NAME = {table.__tablename__: table for table in CHAINED}


class Chain:
    """Writes and checks the links with `key`."""

    def __init__(self, key: bytes):
        self._key = key

    def begin(self, session: Session) -> None:
        """Make the end of an empty chain."""
        start = self._mac("start")
        session.add(Head(id=1, start=start, number=0, mac=start, seal=self._mac("seal", 0, start)))

    def is_ours(self, head: Head) -> bool:
        """Whether the chain was begun with our key."""
        return hmac.compare_digest(head.start, self._mac("start"))

    def is_sealed(self, head: Head) -> bool:
        return hmac.compare_digest(head.seal, self._mac("seal", head.number, head.mac))

    def append(self, session: Session, rows: Iterable[Base]) -> None:
        """Link rows that are complete. The caller holds the lock on the head."""
        session.flush()
        head = session.get_one(Head, 1)
        if not self.is_sealed(head):
            raise GraderError(
                "The end of the store's chain was changed by somebody without the course's key, so nothing is added "
                "to it. `autograder verify` says more; go back to a copy of the store that is whole."
            )
        for row in rows:
            number, name, key, digest = head.number + 1, row.__tablename__, _key_of(row), digest_of(row)
            mac = self._mac(number, name, key, digest, head.mac)
            session.add(Link(number=number, name=name, key=key, digest=digest, mac=mac))
            head.number, head.mac = number, mac
        head.seal = self._mac("seal", head.number, head.mac)

    def check(self, session: Session, rows: Iterable[Base]) -> None:
        """Raise GraderError when one of the rows is not what was written: nothing is answered from such a row."""
        for row in rows:
            key = _key_of(row)
            link = session.scalar(select(Link).where(Link.name == row.__tablename__, Link.key == key))
            before = link and session.get(Link, link.number - 1)
            mac = before.mac if before else self._mac("start")
            if (
                link is None
                or link.digest != digest_of(row)
                or link.mac != self._mac(link.number, link.name, link.key, link.digest, mac)
            ):
                raise GraderError(
                    f"The record {row.__tablename__} {key} in the store is not what was written, so nothing is "
                    "concluded from it. `autograder verify` says more; `autograder regrade` trains again."
                )

    def verify(self, session: Session, noted: str | None = None) -> Iterator[str]:
        """One sentence for each thing that is wrong. `noted` is an end of the chain that must still be in it."""
        expected, mac, seen = 1, self._mac("start"), noted is None
        links = session.scalars(select(Link).order_by(Link.number).execution_options(yield_per=500))
        for link in links:
            if link.number != expected:
                yield f"Link {expected} of the chain is missing: records were deleted."
            if link.mac != self._mac(link.number, link.name, link.key, link.digest, mac):
                yield f"Link {link.number} ({link.name} {link.key}) does not follow the one before: edited or moved."
            expected, mac, seen = link.number + 1, link.mac, seen or link.mac == noted
            yield from _compare(session, link)
        head = session.get(Head, 1)
        if head is None or (head.number, head.mac) != (expected - 1, mac) or not self.is_sealed(head):
            yield "The end of the chain is not the one that was sealed: the last records were deleted or replaced."
        if not seen:
            yield f"The noted end {noted} is not in the chain: this is an older copy of the store, or another one."
        yield from _unlinked(session)

    def _mac(self, *parts: object) -> str:
        return hmac.digest(self._key, json.dumps(parts).encode(), "sha256").hex()


def digest_of(row: Base) -> str:
    """SHA-256 of all columns that are not allowed to change."""
    left_out = getattr(row, "unchained", frozenset())
    values = {c.key: _plain(getattr(row, c.key)) for c in row.__mapper__.column_attrs if c.key not in left_out}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


def _key_of(row: Base) -> str:
    return "/".join(str(part) for part in row.__mapper__.primary_key_from_instance(row))


def _compare(session: Session, link: Link) -> Iterator[str]:
    table = _BY_NAME.get(link.name)
    row = table and session.get(table, _typed(table, link.key))
    if row is None:
        yield f"{link.name} {link.key} was deleted."
        return
    if digest_of(row) != link.digest:
        yield f"{link.name} {link.key} was edited after it was written."
    session.expunge(row)


def _typed(table: type[Base], key: str) -> tuple:
    columns = table.__mapper__.primary_key
    return tuple(c.type.python_type(part) for c, part in zip(columns, key.split("/"), strict=True))


def _unlinked(session: Session) -> Iterator[str]:
    """Rows that the chain does not know: somebody added them. A run is linked when it is finished."""
    for table in CHAINED:
        kept = select(table)
        if table is StoredRun:
            kept = kept.where(StoredRun.finished.is_not(None))
        links = session.scalar(select(func.count()).where(Link.name == table.__tablename__))
        if session.scalar(select(func.count()).select_from(kept.subquery())) == links:
            continue
        known = set(session.scalars(select(Link.key).where(Link.name == table.__tablename__)))
        for row in session.scalars(kept.execution_options(yield_per=500)):
            if _key_of(row) not in known:
                yield f"{table.__tablename__} {_key_of(row)} was added by hand: the chain does not know it."
