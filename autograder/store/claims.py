"""Runs in training: each is claimed by one process at a time, which stores every epoch and sends heartbeats.

    claim = claims.take(key, spec)     a Claim to train with, a RunFinished, or RunBusy

A process that dies or sends no heartbeat loses its run to the next one that asks, and can store nothing more in it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from autograder.store.checkpoints import Checkpoint
from autograder.store.database import Database
from autograder.store.engine import StoreError, batches, clock
from autograder.store.models import Base, StoredCheckpoint, StoredEpoch, StoredMistakes, StoredRun, StoredSpec, utc_now
from autograder.store.records import RunRecord, software_versions
from autograder.workers import owners
from course.errors import GraderError
from course.spec import Spec
from course.training.results import EpochResult


@dataclass(frozen=True)
class RunKey:
    """Everything that a run's numbers depend on: runs with the same key are bit-identical, so one is enough."""

    spec_hash: str
    seed: int
    device: str  # the kind, "cpu" or "cuda"
    threads: int
    trainer: str  # with its software, and the data if it is not all of MNIST
    reduced: str = ""  # empty for a full run, else its epochs and images

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Regrade:
    """Train again what was begun before `since`, and record the reason."""

    reason: str
    since: datetime


@dataclass(frozen=True)
class RunBusy:
    """Another process trains the run: `owner`, whose last heartbeat was `silent` seconds ago."""

    run_id: int
    owner: str
    silent: float


@dataclass(frozen=True)
class RunFinished:
    run_id: int
    record: RunRecord


class ClaimLost(GraderError):
    """Another process took over the run, because this one had sent no heartbeat for too long."""


class Claims:
    """Hands out the runs of one store, and sends the heartbeats of this process's claims."""

    def __init__(self, database: Database):
        self._database = database
        self._owners: set[str] = set()  # of the claims that are held now
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._heartbeat: threading.Thread | None = None

    def close(self) -> None:
        self._stop.set()
        if self._heartbeat is not None:
            self._heartbeat.join()

    def take(self, key: RunKey, spec: Spec, regrade: Regrade | None = None) -> Claim | RunFinished | RunBusy:
        """The newest run with that key: finished, or ours to train, or busy. Raises GraderError."""
        owner = owners.new_owner()
        taken = self._database.write(lambda session: self._take(session, key, spec, regrade, owner))
        if isinstance(taken, Claim):
            self._start_heartbeat(owner)
        return taken

    def finished_runs(self, spec_hashes: Iterable[str]) -> dict[RunKey, RunFinished]:
        """What `take` would answer for the runs of these specs, where it needs no training. Raises GraderError."""

        def find(session: Session) -> dict[RunKey, RunFinished]:
            newest: dict[RunKey, StoredRun] = {}
            for batch in batches(sorted(set(spec_hashes))):
                rows = select(StoredRun).where(StoredRun.spec_hash.in_(batch)).order_by(StoredRun.repetition)
                newest |= {
                    RunKey(*(getattr(run, f.name) for f in fields(RunKey))): run for run in session.scalars(rows)
                }
            finished = {key: run for key, run in newest.items() if run.finished is not None}
            epochs = self._epochs_of_all(session, [run.id for run in finished.values()])
            self._database.chain.check(session, finished.values())
            return {key: RunFinished(run.id, run_record(run, epochs[run.id])) for key, run in finished.items()}

        return self._database.read(find)

    def is_busy(self, run_id: int) -> bool:
        """Whether a run is in training by a process that is alive."""

        def has_live_owner(session: Session) -> bool:
            run = session.get_one(StoredRun, run_id)
            return run.finished is None and owners.is_alive(run.owner, clock(session) - run.heartbeat)

        return self._database.read(has_live_owner)

    def release(self, owner: str, run_id: int) -> None:
        """Give up a claim: another process may take the run at once."""

        def clear_owner(session: Session) -> None:
            ours = update(StoredRun).where(StoredRun.id == run_id, StoredRun.owner == owner)
            session.execute(ours.values(owner=""))

        with self._lock:
            self._owners.discard(owner)
        with contextlib.suppress(StoreError):  # then the claim ends with this process, or without heartbeats
            self._database.write_unchained(clear_owner)

    def _take(
        self, session: Session, key: RunKey, spec: Spec, regrade: Regrade | None, owner: str
    ) -> Claim | RunFinished | RunBusy:
        same_key = select(StoredRun).filter_by(**key.to_dict()).order_by(StoredRun.repetition.desc())
        run = session.scalars(same_key.limit(1)).first()
        now = clock(session)
        if run is None or (regrade is not None and run.started < regrade.since):
            run = self._begin(session, key, spec, regrade, repetition=run.repetition + 1 if run else 0)
        elif run.finished is not None:
            return RunFinished(run.id, self._record(session, run))
        elif run.owner != owner and owners.is_alive(run.owner, now - run.heartbeat):
            return RunBusy(run.id, run.owner, now - run.heartbeat)
        run.owner, run.heartbeat, run.claims = owner, now, run.claims + 1
        session.flush()
        stored = session.get(StoredCheckpoint, run.id)
        checkpoint = Checkpoint(self._epochs(session, run.id), stored.state) if stored else Checkpoint()
        return Claim(self, self._database, run.id, owner, checkpoint)

    def _begin(self, session: Session, key: RunKey, spec: Spec, regrade: Regrade | None, repetition: int) -> StoredRun:
        if session.get(StoredSpec, key.spec_hash) is None:
            stored = StoredSpec(hash=key.spec_hash, text=spec.to_json())
            session.add(stored)
            self._database.chain.append(session, [stored])
        reason = regrade.reason if regrade else ""
        run = StoredRun(**key.to_dict(), repetition=repetition, reason=reason, started=utc_now(), claims=0)
        session.add(run)
        session.flush()
        return run

    def _epochs(self, session: Session, run_id: int) -> tuple[EpochResult, ...]:
        return self._epochs_of_all(session, [run_id])[run_id]

    def _epochs_of_all(self, session: Session, run_ids: Sequence[int]) -> dict[int, tuple[EpochResult, ...]]:
        """Run -> its finished epochs. Raises GraderError if one was edited or is missing."""
        rows_of: dict[int, list[StoredEpoch]] = {run_id: [] for run_id in run_ids}
        for batch in batches(run_ids):
            in_order = select(StoredEpoch).where(StoredEpoch.run_id.in_(batch)).order_by(StoredEpoch.epoch)
            for row in session.scalars(in_order):
                rows_of[row.run_id].append(row)
        self._database.chain.check(session, [row for rows in rows_of.values() for row in rows])
        for run_id, rows in rows_of.items():
            if [row.epoch for row in rows] != list(range(1, len(rows) + 1)):
                raise GraderError(
                    f"An epoch of run {run_id} is missing in the store. `autograder verify` says more; "
                    "`autograder regrade --again` trains it again."
                )
        return {run_id: tuple(epoch_result(row) for row in rows) for run_id, rows in rows_of.items()}

    def _record(self, session: Session, run: StoredRun) -> RunRecord:
        self._database.chain.check(session, [run])
        return run_record(run, self._epochs(session, run.id))

    def _start_heartbeat(self, owner: str) -> None:
        with self._lock:
            self._owners.add(owner)
            if self._heartbeat is None:
                self._heartbeat = threading.Thread(target=self._send_heartbeats, name="store-heartbeat", daemon=True)
                self._heartbeat.start()

    def _send_heartbeats(self) -> None:
        while not self._stop.wait(owners.HEARTBEAT_SECONDS):
            with self._lock:
                held = sorted(self._owners)
            if held:
                with contextlib.suppress(StoreError):  # whoever stores an epoch will report it
                    self._database.write_unchained(partial(_set_heartbeat, held=held))


class Claim:
    """A run that this process may train: the CheckpointStore of a training. Leaving the context releases it."""

    def __init__(self, claims: Claims, database: Database, run_id: int, owner: str, checkpoint: Checkpoint):
        self.run_id, self._owner, self._checkpoint = run_id, owner, checkpoint
        self._claims, self._database = claims, database
        self.isolation = ""

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        self._claims.release(self._owner, self.run_id)

    def load(self) -> Checkpoint:
        return self._checkpoint

    def save(self, result: EpochResult, state: bytes) -> None:
        """Store an epoch and the state after it, both or neither. Raises ClaimLost, GraderError."""
        self._database.write(lambda session: self._save(session, result, state))

    def _save(self, session: Session, result: EpochResult, state: bytes) -> None:
        run = self._run_if_ours(session)
        before = session.get(StoredEpoch, (run.id, result.epoch))
        if before is not None and epoch_result(before) != result:
            raise GraderError(
                f"Epoch {result.epoch} of run {run.id} gave another result when it was repeated "
                f"({before.correct:,}, then {result.correct:,} correct), so this machine cannot continue the run. "
                "`autograder regrade --again` trains it again from the beginning."
            )
        session.merge(StoredCheckpoint(run_id=run.id, state=state))
        if before is None:
            trained_by = owners.for_people(self._owner)
            row = StoredEpoch(run_id=run.id, **asdict(result), trained_by=trained_by, finished=utc_now())
            session.add(row)
            self._database.chain.append(session, [row])
        run.heartbeat = clock(session)

    def finish(self, record: RunRecord) -> None:
        """Store the finished run. Raises ClaimLost, GraderError."""
        self._database.write(lambda session: self._finish(session, record))

    def _finish(self, session: Session, record: RunRecord) -> None:
        run = session.get_one(StoredRun, self.run_id)
        if run.finished is not None and run.owner == self._owner:  # a retry: the first try was committed
            return
        run = self._run_if_ours(session)
        run.device_name, run.seconds, run.ended = record.device_name, record.seconds, record.ended
        run.isolation, run.versions, run.finished = self.isolation, dict(software_versions()), utc_now()
        rows: list[Base] = [run]
        if record.wrong:
            rows.append(StoredMistakes(run_id=run.id, wrong=[list(pair) for pair in record.wrong]))
            session.add(rows[-1])
        self._database.chain.append(session, rows)
        session.execute(delete(StoredCheckpoint).where(StoredCheckpoint.run_id == run.id))

    def _run_if_ours(self, session: Session) -> StoredRun:
        run = session.get_one(StoredRun, self.run_id)
        if run.owner != self._owner or run.finished is not None:
            raise ClaimLost(
                f"Another process took over run {self.run_id}, because this one had sent no heartbeat; the rest of "
                "its training is not stored."
            )
        return run


def _set_heartbeat(session: Session, held: Sequence[str]) -> None:
    ours = select(StoredRun.id).where(StoredRun.owner.in_(held))
    session.execute(update(StoredRun).where(StoredRun.id.in_(ours)).values(heartbeat=clock(session)))


def epoch_result(row: StoredEpoch) -> EpochResult:
    return EpochResult(**{field.name: getattr(row, field.name) for field in fields(EpochResult)})


def run_record(run: StoredRun, epochs: Sequence[EpochResult]) -> RunRecord:
    """`epochs` are the run's, in their order."""
    return RunRecord(
        seed=run.seed,
        device=run.device,
        device_name=run.device_name,
        threads=run.threads,
        epochs=tuple(epochs),
        seconds=run.seconds,
        ended=run.ended,
    )
