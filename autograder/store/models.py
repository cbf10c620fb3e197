"""The tables. Rows of those in `CHAINED` are never changed once they are written; `chain` detects any change.

submissions 1-n attempts 1-n verdicts n-m runs 1-n epochs
      sources 1-n attempts          specs 1-n runs 1-1 mistakes
                  attempts 1-1 gradings (until its verdict), runs 1-1 checkpoints (while it trains)
class_changes say which students of submissions are one, or left
regrades 1-n regraded_verdicts 1-1 verdicts

Databases of earlier versions keep their column names, and the digests in the chain are made over them. An attribute
with another name than its column says which column it is.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, LargeBinary, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Hash = String(64)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A time with its time zone, always UTC; SQLite itself stores no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        return value and value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dt.datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[tuple[int, int]]: JSON,
        str: Text,
    }
    unchained: ClassVar[frozenset[str]] = frozenset()  # columns of a chained table that may change


class StoredSubmission(Base):
    """What one student hands in for one assignment, however often."""

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("student", "assignment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    student: Mapped[str]
    assignment: Mapped[str]


class StoredAttempt(Base):
    """One version of a submission. `source_hash` is the SHA-256 of its recipe, or of the file if it has none."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("submission_id", "source_hash", "handed_in"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"))
    file: Mapped[str]
    source_hash: Mapped[str] = mapped_column(Hash)
    handed_in: Mapped[dt.datetime]
    recorded: Mapped[dt.datetime]


class StoredSource(Base):
    """The recipe as the student wrote it; `hash` is the `source_hash` of its attempts. Untrusted text."""

    __tablename__ = "sources"

    hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    text: Mapped[str]


class GradingProgress(Base):
    """The state of an attempt without a verdict: the run that is trained, of `epochs` epochs, or our own `fault`."""

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
    """One training of one spec with one seed. While `finished` is None it is in training by `owner`, if not empty.

    `trainer` names what the numbers depend on: trainer, torch, torchvision, and data if it is not all of MNIST.
    `device` is the kind. `reduced` is empty for a full run. `repetition` counts from 0, each with its `reason`; the
    last one counts. `ended` says why a run broke off.
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
    reduced: Mapped[str] = mapped_column("cut", String(64))
    repetition: Mapped[int] = mapped_column("again")
    reason: Mapped[str]
    started: Mapped[dt.datetime]
    device_name: Mapped[str] = mapped_column(default="")
    isolation: Mapped[str] = mapped_column(default="")
    versions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seconds: Mapped[float] = mapped_column(default=0.0)
    ended: Mapped[str] = mapped_column(default="")
    finished: Mapped[dt.datetime | None]
    owner: Mapped[str] = mapped_column(default="")
    heartbeat: Mapped[float] = mapped_column("beat", default=0.0)  # seconds since 1970 on the database's clock
    claims: Mapped[int] = mapped_column(default=0)  # how often a process began or took over this run


class StoredEpoch(Base):
    """An EpochResult. `trained_by` is machine and process, for people."""

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
    trained_by: Mapped[str] = mapped_column("by")
    finished: Mapped[dt.datetime]


class StoredMistakes(Base):
    """The test images that a run misclassified in its last epoch: [number of the image, predicted digit]."""

    __tablename__ = "mistakes"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    wrong: Mapped[list[tuple[int, int]]]


class StoredCheckpoint(Base):
    """The trainer's state after the last finished epoch of a run in training; deleted when the run is finished."""

    __tablename__ = "checkpoints"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    state: Mapped[bytes] = mapped_column(LargeBinary)


class StoredVerdict(Base):
    """The result of an attempt under some rules; the newest one counts that no regrade which was taken back has made.

    `content` is a hash that tells whether a new verdict says the same. `spec_hash` is None if the recipe could not be
    captured; the spec of a refused recipe is not in the table of specs.
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
    options: Mapped[str] = mapped_column("asked")  # the grading options that a verdict depends on
    reason: Mapped[str]  # why it was regraded; empty the first time
    judged_at: Mapped[dt.datetime] = mapped_column("made")


class VerdictRun(Base):
    """The runs that a verdict is based on, in their order."""

    __tablename__ = "verdict_runs"

    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdicts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))


class StoredClassChange(Base):
    """A change in who hands in, in force until another one `undoes` it. See `class_changes` for the kinds."""

    __tablename__ = "class_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    names: Mapped[list[str]]
    assignment: Mapped[str]  # of a team; otherwise empty
    undoes: Mapped[int | None] = mapped_column(ForeignKey("class_changes.id"))
    reason: Mapped[str]
    changed_by: Mapped[str]  # user and machine
    changed_at: Mapped[dt.datetime]


class StoredRegrade(Base):
    """New verdicts for many attempts at once, in force until another record `undoes` it. `verdicts` is their number."""

    __tablename__ = "regrades"

    id: Mapped[int] = mapped_column(primary_key=True)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("regrades.id"))
    verdicts: Mapped[int]
    reason: Mapped[str]
    changed_by: Mapped[str]  # user and machine
    changed_at: Mapped[dt.datetime]


class RegradedVerdict(Base):
    """A verdict that a regrade made, and the one that counted before."""

    __tablename__ = "regraded_verdicts"

    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdicts.id"), primary_key=True)
    before_id: Mapped[int] = mapped_column(ForeignKey("verdicts.id"))
    regrade_id: Mapped[int] = mapped_column(ForeignKey("regrades.id"), index=True)


class ChainLink(Base):
    """One link: the row `key` of `table` had this digest. `mac` is an HMAC over this link and the one before."""

    __tablename__ = "chain"
    __table_args__ = (UniqueConstraint("name", "key"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    table: Mapped[str] = mapped_column("name", String(32))
    key: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(Hash)
    mac: Mapped[str] = mapped_column(Hash)


class ChainHead(Base):
    """The chain's last link, in one row, with a seal. `start` identifies the key. Every writer locks this row."""

    __tablename__ = "head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start: Mapped[str] = mapped_column(Hash)
    number: Mapped[int]
    mac: Mapped[str] = mapped_column(Hash)
    seal: Mapped[str] = mapped_column(Hash)


CHAINED: tuple[type[Base], ...] = (
    StoredSubmission,
    StoredAttempt,
    StoredSource,
    StoredSpec,
    StoredRun,
    StoredEpoch,
    StoredMistakes,
    StoredVerdict,
    VerdictRun,
    StoredClassChange,
    StoredRegrade,
    RegradedVerdict,
)
