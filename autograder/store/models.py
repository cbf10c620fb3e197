"""The tables. What is written to those in `CHAINED` is never changed again, and `chain` would find it out.

submissions 1-n attempts 1-n verdicts n-m runs 1-n epochs
      sources 1-n attempts          specs 1-n runs 1-1 mistakes
                  attempts 1-1 gradings (until its verdict), runs 1-1 checkpoints (while it trains)
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, LargeBinary, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Hash = String(64)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A time with its zone, always UTC; SQLite keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect) -> dt.datetime | None:
        return value and value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012
        dt.datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[tuple[int, int]]: JSON,
        str: Text,
    }


class Submission(Base):
    """What one student hands in for one assignment, however often."""

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("student", "assignment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    student: Mapped[str]
    assignment: Mapped[str]


class Attempt(Base):
    """One version of a submission. `source_hash` is the SHA-256 of its recipe, or of the file when none was found."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("submission_id", "source_hash", "handed_in"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"))
    file: Mapped[str]
    source_hash: Mapped[str] = mapped_column(Hash)
    handed_in: Mapped[dt.datetime]
    recorded: Mapped[dt.datetime]


class Source(Base):
    """The recipe as the student wrote it; `hash` is the `source_hash` of its attempts. Hostile text."""

    __tablename__ = "sources"

    hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    text: Mapped[str]


class Grading(Base):
    """Where an attempt without a verdict stands: its run that trains, `epochs` long, or a `fault` of ours."""

    __tablename__ = "gradings"

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    epochs: Mapped[int] = mapped_column(default=0)
    fault: Mapped[str] = mapped_column(default="")


class StoredSpec(Base):
    """A spec in its canonical form: what a run trains, whoever handed it in."""

    __tablename__ = "specs"

    hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    text: Mapped[str]


class StoredRun(Base):
    """One training of one spec with one seed. It trains while `finished` is None; `owner` is then whoever does it.

    `trainer` names what the numbers depend on (trainer, torch, torchvision), `device` the kind. `cut` is empty for a
    full run. `again` counts repetitions, each with its `reason`; the last one counts. `ended` says why a run broke off.
    """

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("spec_hash", "seed", "device", "threads", "trainer", "cut", "again"),)
    unchained = frozenset({"owner", "beat", "claims"})

    id: Mapped[int] = mapped_column(primary_key=True)
    spec_hash: Mapped[str] = mapped_column(ForeignKey("specs.hash"))
    seed: Mapped[int]
    device: Mapped[str] = mapped_column(String(16))
    threads: Mapped[int]
    trainer: Mapped[str] = mapped_column(String(200))
    cut: Mapped[str] = mapped_column(String(64))
    again: Mapped[int]
    reason: Mapped[str]
    started: Mapped[dt.datetime]
    device_name: Mapped[str] = mapped_column(default="")
    isolation: Mapped[str] = mapped_column(default="")
    versions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seconds: Mapped[float] = mapped_column(default=0.0)
    ended: Mapped[str] = mapped_column(default="")
    finished: Mapped[dt.datetime | None]
    owner: Mapped[str] = mapped_column(default="")
    beat: Mapped[float] = mapped_column(default=0.0)  # seconds since 1970 on the database's clock
    claims: Mapped[int] = mapped_column(default=0)  # how often it was begun or taken over


class StoredEpoch(Base):
    """An EpochResult. `by` is the process that kept it."""

    __tablename__ = "epochs"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    learning_rate: Mapped[float]
    train_loss: Mapped[float]
    train_correct: Mapped[int]
    train_total: Mapped[int]
    test_loss: Mapped[float]
    correct: Mapped[int]
    test_total: Mapped[int]
    by: Mapped[str]
    finished: Mapped[dt.datetime]


class StoredMistakes(Base):
    """The test images that a run got wrong in its last epoch: [number of the image, what the network said]."""

    __tablename__ = "mistakes"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    wrong: Mapped[list[tuple[int, int]]]


class StoredCheckpoint(Base):
    """A running run's state after its last finished epoch; deleted when the run is done."""

    __tablename__ = "checkpoints"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    state: Mapped[bytes] = mapped_column(LargeBinary)


class StoredVerdict(Base):
    """What an attempt came to under some rules; the newest one holds. `content` is a hash of it.

    `spec_hash` is None when the recipe could not be taken over; a refused spec is not among the specs.
    """

    __tablename__ = "verdicts"

    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), index=True)
    content: Mapped[str] = mapped_column(Hash)
    spec_hash: Mapped[str | None] = mapped_column(Hash, index=True)
    rules: Mapped[dict[str, Any]]
    rules_hash: Mapped[str] = mapped_column(Hash)
    verdict: Mapped[str] = mapped_column(String(16))
    reasons: Mapped[list[str]]
    borderline: Mapped[bool]
    official: Mapped[bool]
    isolation: Mapped[str]
    inspection: Mapped[dict[str, Any] | None]
    versions: Mapped[dict[str, Any]]
    asked: Mapped[str]  # the options that a verdict depends on
    reason: Mapped[str]  # why it was graded again; empty the first time
    made: Mapped[dt.datetime]


class VerdictRun(Base):
    """The runs that a verdict rests on, in their order."""

    __tablename__ = "verdict_runs"

    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdicts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))


class Link(Base):
    """One link of the chain: the row `key` of the table `name` had this digest. `mac` covers it and the link before."""

    __tablename__ = "chain"
    __table_args__ = (UniqueConstraint("name", "key"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(Hash)
    mac: Mapped[str] = mapped_column(Hash)


class Head(Base):
    """The chain's end, one row, and a seal on it; `start` tells whose key it is. Whoever writes holds a lock on it."""

    __tablename__ = "head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start: Mapped[str] = mapped_column(Hash)
    number: Mapped[int]
    mac: Mapped[str] = mapped_column(Hash)
    seal: Mapped[str] = mapped_column(Hash)


CHAINED: tuple[type[Base], ...] = (
    Submission,
    Attempt,
    Source,
    StoredSpec,
    StoredRun,
    StoredEpoch,
    StoredMistakes,
    StoredVerdict,
    VerdictRun,
)
