"""Runs while they train: each belongs to one process at a time, which keeps every epoch and shows signs of life.

    taken = claims.take(key, spec)     a Claim to train with, the finished run, or RunBusy
A process that dies or falls silent loses its runs to whoever asks next; should it wake up, it can keep nothing more.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from autograder.store import owners
from autograder.store.checkpoints import Checkpoint
from autograder.store.database import Database
from autograder.store.engine import StoreError, clock
from autograder.store.models import Base, StoredCheckpoint, StoredEpoch, StoredMistakes, StoredRun, StoredSpec, utc_now
from autograder.store.records import RunRecord, versions
from course.errors import GraderError
from course.spec import Spec
from course.training.results import EpochResult


@dataclass(frozen=True)
class RunKey:
    """What a run's numbers depend on: two runs with the same key come out the same, so one of them is enough."""

    spec_hash: str
    seed: int
    device: str  # the kind, "cpu" or "cuda"
    threads: int
    trainer: str
    cut: str = ""

    def to_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Regrade:
    """Train again what was begun before `since`, and keep why."""

    reason: str
    since: datetime


@dataclass(frozen=True)
class RunBusy:
    """Somebody else is training it: `owner` and how long ago it gave its last sign of life."""

    run_id: int
    owner: str
    silent: float


class ClaimLost(GraderError):
    """The run was given to another process because this one had fallen silent."""


@dataclass(frozen=True)
class RunFinished:
    """A finished run."""

    run_id: int
    record: RunRecord


class Claims:
    """Hands out runs of one store, and keeps its process's claims alive."""

    def __init__(self, database: Database):
        self._database = database
        self._mine: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pulse: threading.Thread | None = None

    def close(self) -> None:
        self._stop.set()
        if self._pulse is not None:
            self._pulse.join()

    def take(self, key: RunKey, spec: Spec, regrade: Regrade | None = None) -> Claim | RunFinished | RunBusy:
        """The newest run with that key: finished, to be trained by us, or being trained. Raises GraderError."""
        owner = owners.new_owner()
        taken = self._database.write(lambda session: self._take(session, key, spec, regrade, owner))
        if isinstance(taken, Claim):
            self._keep_alive(owner)
        return taken

    def is_busy(self, run_id: int) -> bool:
        """Whether a run still belongs to somebody who is alive."""

        def work(session: Session) -> bool:
            run = session.get_one(StoredRun, run_id)
            return run.finished is None and owners.is_alive(run.owner, clock(session) - run.beat)

        return self._database.read(work)

    def _take(
        self, session: Session, key: RunKey, spec: Spec, regrade: Regrade | None, owner: str
    ) -> Claim | RunFinished | RunBusy:
        same = select(StoredRun).filter_by(**key.to_dict()).order_by(StoredRun.again.desc())
        run = session.scalars(same.limit(1)).first()
        now = clock(session)
        if run is None or (regrade is not None and run.started < regrade.since):
            run = self._begin(session, key, spec, regrade, number=run.again + 1 if run else 0)
        elif run.finished is not None:
            return RunFinished(run.id, self._record(session, run))
        elif run.owner != owner and owners.is_alive(run.owner, now - run.beat):
            return RunBusy(run.id, run.owner, now - run.beat)
        run.owner, run.beat, run.claims = owner, now, run.claims + 1
        session.flush()
        state = session.get(StoredCheckpoint, run.id)
        kept = Checkpoint(self._epochs(session, run.id), state.state) if state else Checkpoint()
        return Claim(self, self._database, run.id, owner, kept)

    def _begin(self, session: Session, key: RunKey, spec: Spec, regrade: Regrade | None, number: int) -> StoredRun:
        if session.get(StoredSpec, key.spec_hash) is None:
            stored = StoredSpec(hash=key.spec_hash, text=spec.to_json())
            session.add(stored)
            self._database.chain.append(session, [stored])
        run = StoredRun(
            **key.to_dict(), again=number, reason=regrade.reason if regrade else "", started=utc_now(), claims=0
        )
        session.add(run)
        session.flush()
        return run

    def _epochs(self, session: Session, run_id: int) -> tuple[EpochResult, ...]:
        """The finished epochs. Raises GraderError when one was edited or is missing."""
        rows = session.scalars(select(StoredEpoch).filter_by(run_id=run_id).order_by(StoredEpoch.epoch)).all()
        self._database.chain.check(session, rows)
        if [row.epoch for row in rows] != list(range(1, len(rows) + 1)):
            raise GraderError(
                f"An epoch of run {run_id} is missing in the store. `autograder verify` says more; "
                "`autograder regrade` trains it again."
            )
        return tuple(epoch_result(row) for row in rows)

    def _record(self, session: Session, run: StoredRun) -> RunRecord:
        self._database.chain.check(session, [run])
        return run_record(run, self._epochs(session, run.id))

    def _keep_alive(self, owner: str) -> None:
        with self._lock:
            self._mine.add(owner)
            if self._pulse is None:
                self._pulse = threading.Thread(target=self._beat, name="store-pulse", daemon=True)
                self._pulse.start()

    def _forget(self, owner: str) -> None:
        with self._lock:
            self._mine.discard(owner)

    def _beat(self) -> None:
        def work(session: Session) -> None:
            mine = select(StoredRun.id).where(StoredRun.owner.in_(owned))
            session.execute(update(StoredRun).where(StoredRun.id.in_(mine)).values(beat=clock(session)))

        while not self._stop.wait(owners.BEAT_SECONDS):
            with self._lock:
                owned = sorted(self._mine)
            if owned:
                with contextlib.suppress(StoreError):  # it is away: whoever keeps an epoch will say so
                    self._database.touch(work)


class Claim:
    """A run that is ours to train: the CheckpointStore of a training. A context manager; left unfinished it is free."""

    def __init__(self, claims: Claims, database: Database, run_id: int, owner: str, kept: Checkpoint):
        self.run_id, self._owner, self._kept = run_id, owner, kept
        self._claims, self._database = claims, database
        self.isolation = ""

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_) -> None:
        def work(session: Session) -> None:
            mine = update(StoredRun).where(StoredRun.id == self.run_id, StoredRun.owner == self._owner)
            session.execute(mine.values(owner=""))

        self._claims._forget(self._owner)
        with contextlib.suppress(StoreError):  # the claim then ends with this process, or by its silence
            self._database.touch(work)

    def load(self) -> Checkpoint:
        return self._kept

    def save(self, result: EpochResult, state: bytes) -> None:
        """Keep an epoch and the state after it, both or none. Raises ClaimLost, GraderError."""

        def work(session: Session) -> None:
            run = self._ours(session)
            kept = session.get(StoredEpoch, (run.id, result.epoch))
            if kept is not None and epoch_result(kept) != result:
                raise GraderError(
                    f"Epoch {result.epoch} of run {run.id} came out differently when it was repeated "
                    f"({kept.correct:,}, then {result.correct:,} correct), so this machine cannot go on with it. "
                    "`autograder regrade` trains it again from the beginning."
                )
            session.merge(StoredCheckpoint(run_id=run.id, state=state))
            if kept is None:
                by = owners.place(self._owner)
                row = StoredEpoch(run_id=run.id, **asdict(result), by=by, finished=utc_now())
                session.add(row)
                self._database.chain.append(session, [row])
            run.beat = clock(session)

        self._database.write(work)

    def finish(self, record: RunRecord) -> None:
        """Keep the end of the run. Raises ClaimLost, GraderError."""

        def work(session: Session) -> None:
            run = session.get_one(StoredRun, self.run_id)
            if run.finished is not None and run.owner == self._owner:  # the answer to the first try was lost
                return
            run = self._ours(session)
            run.device_name, run.seconds, run.ended = record.device_name, record.seconds, record.ended
            run.isolation, run.versions, run.finished = self.isolation, dict(versions()), utc_now()
            rows: list[Base] = [run]
            if record.wrong:
                rows.append(StoredMistakes(run_id=run.id, wrong=[list(pair) for pair in record.wrong]))
                session.add(rows[-1])
            self._database.chain.append(session, rows)
            session.execute(delete(StoredCheckpoint).where(StoredCheckpoint.run_id == run.id))

        self._database.write(work)

    def _ours(self, session: Session) -> StoredRun:
        run = session.get_one(StoredRun, self.run_id)
        if run.owner != self._owner or run.finished is not None:
            raise ClaimLost(f"Run {self.run_id} was taken over while this process was silent; what it did is not kept.")
        return run


def epoch_result(row: StoredEpoch) -> EpochResult:
    return EpochResult(**{name: getattr(row, name) for name in EpochResult.__dataclass_fields__})


def run_record(run: StoredRun, epochs: Sequence[EpochResult]) -> RunRecord:
    return RunRecord(
        seed=run.seed,
        device=run.device,
        device_name=run.device_name,
        threads=run.threads,
        epochs=tuple(epochs),
        seconds=run.seconds,
        ended=run.ended,
    )
