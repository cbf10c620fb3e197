"""A chain of HMACs over everything that is stored, made with the course's key: it detects changes from outside.

Each stored row has a link: its digest, and an HMAC over that digest and the link before. An edited row does not match
its digest; a link that is missing, moved or forged does not match its neighbours; the seal on the head detects that
the last links were deleted. An older copy of the whole database is detected only by a later end, noted elsewhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from autograder.store.engine import batches
from autograder.store.models import CHAINED, Base, ChainHead, ChainLink, StoredRun
from course.errors import GraderError

_TABLES = {table.__tablename__: table for table in CHAINED}


class Chain:
    """Writes and checks the links with `key`."""

    def __init__(self, key: bytes):
        self._key = key

    def begin(self, session: Session) -> None:
        """Write the head of an empty chain."""
        start = self._mac("start")
        session.add(ChainHead(id=1, start=start, number=0, mac=start, seal=self._mac("seal", 0, start)))

    def is_ours(self, head: ChainHead) -> bool:
        """Whether the chain was begun with our key."""
        return hmac.compare_digest(head.start, self._mac("start"))

    def is_sealed(self, head: ChainHead) -> bool:
        return hmac.compare_digest(head.seal, self._mac("seal", head.number, head.mac))

    def append(self, session: Session, rows: Iterable[Base]) -> None:
        """Link complete rows. The caller holds the lock on the head. Raises GraderError if the head was changed."""
        session.flush()
        head = session.get_one(ChainHead, 1)
        if not self.is_sealed(head):
            raise GraderError(
                "The end of the store's chain was changed by somebody without the course's key, so nothing is added "
                "to it. `autograder verify` says more; go back to an undamaged copy of the store."
            )
        for row in rows:
            number, table, key, digest = head.number + 1, row.__tablename__, key_of(row), digest_of(row)
            mac = self._mac(number, table, key, digest, head.mac)
            session.add(ChainLink(number=number, table=table, key=key, digest=digest, mac=mac))
            head.number, head.mac = number, mac
        head.seal = self._mac("seal", head.number, head.mac)

    def check(self, session: Session, rows: Iterable[Base]) -> None:
        """Raise GraderError if a row is not what was written: no answer may be based on such a row.

        Takes one query for each table among the rows, or more for very many rows.
        """
        by_table: dict[str, dict[str, Base]] = defaultdict(dict)
        for row in rows:
            by_table[row.__tablename__][key_of(row)] = row
        for table, by_key in by_table.items():
            self._check_table(session, table, by_key)

    def _check_table(self, session: Session, table: str, by_key: Mapping[str, Base]) -> None:
        previous = aliased(ChainLink)
        links_with_previous_mac = (
            select(ChainLink, previous.mac)
            .outerjoin(previous, previous.number == ChainLink.number - 1)
            .where(ChainLink.table == table)
        )
        linked: dict[str, tuple[ChainLink, str | None]] = {}
        for keys in batches(by_key):
            rows = session.execute(links_with_previous_mac.where(ChainLink.key.in_(keys)))
            linked |= {found.key: (found, mac) for found, mac in rows}
        for key, row in by_key.items():
            link, previous_mac = linked.get(key) or (None, None)
            if (
                link is None
                or link.digest != digest_of(row)
                or not self._follows(link, previous_mac or self._mac("start"))
            ):
                raise GraderError(
                    f"The record {table} {key} in the store is not what was written, so it is not used. "
                    "`autograder verify` says more; `autograder regrade --again` trains again."
                )

    def verify(self, session: Session, noted: str | None = None) -> Iterator[str]:
        """One sentence for each record that is not as written. `noted` is an end that must still be in the chain."""
        expected, mac, noted_is_in = 1, self._mac("start"), noted is None
        links = session.scalars(select(ChainLink).order_by(ChainLink.number).execution_options(yield_per=500))
        for link in links:
            if link.number != expected:
                yield f"Link {expected} of the chain is missing: records were deleted."
            if not self._follows(link, mac):
                yield f"Link {link.number} ({link.table} {link.key}) does not follow the one before: edited or moved."
            expected, mac, noted_is_in = link.number + 1, link.mac, noted_is_in or link.mac == noted
            yield from _compare_with_row(session, link)
        head = session.get(ChainHead, 1)
        if head is None or (head.number, head.mac) != (expected - 1, mac) or not self.is_sealed(head):
            yield "The end of the chain is not the one that was sealed: the last records were deleted or replaced."
        if not noted_is_in:
            yield f"The noted end {noted} is not in the chain: this is an older copy of the store, or another one."
        yield from _unlinked_rows(session)

    def _follows(self, link: ChainLink, previous_mac: str) -> bool:
        return link.mac == self._mac(link.number, link.table, link.key, link.digest, previous_mac)

    def _mac(self, *parts: object) -> str:
        return hmac.digest(self._key, json.dumps(parts).encode(), "sha256").hex()


def digest_of(row: Base) -> str:
    """SHA-256 of all columns that may not change, by the columns' names in the database."""
    values = {
        attribute.columns[0].name: _json_value(getattr(row, attribute.key))
        for attribute in row.__mapper__.column_attrs
        if attribute.columns[0].name not in row.unchained
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def key_of(row: Base) -> str:
    """The primary key as text: `12`, or `12/3` for one of two columns."""
    return "/".join(str(part) for part in row.__mapper__.primary_key_from_instance(row))


def _json_value(value: object) -> object:
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


def _compare_with_row(session: Session, link: ChainLink) -> Iterator[str]:
    table = _TABLES.get(link.table)
    row = session.get(table, _primary_key(table, link.key)) if table else None
    if row is None:
        yield f"{link.table} {link.key} was deleted."
        return
    if digest_of(row) != link.digest:
        yield f"{link.table} {link.key} was edited after it was written."
    session.expunge(row)


def _primary_key(table: type[Base], key: str) -> tuple[Any, ...]:
    columns = table.__mapper__.primary_key
    return tuple(c.type.python_type(part) for c, part in zip(columns, key.split("/"), strict=True))


def _unlinked_rows(session: Session) -> Iterator[str]:
    """Rows without a link: somebody else added them. A run is linked when it is finished."""
    for table in CHAINED:
        rows = select(table)
        if table is StoredRun:
            rows = rows.where(StoredRun.finished.is_not(None))
        links = session.scalar(select(func.count()).where(ChainLink.table == table.__tablename__))
        if session.scalar(select(func.count()).select_from(rows.subquery())) == links:
            continue
        linked = set(session.scalars(select(ChainLink.key).where(ChainLink.table == table.__tablename__)))
        for row in session.scalars(rows.execution_options(yield_per=500)):
            if key_of(row) not in linked:
                yield f"{table.__tablename__} {key_of(row)} was added from outside: the chain has no link to it."
