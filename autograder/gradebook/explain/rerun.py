"""Trains the runs of a verdict again, and compares each number with the one that is kept. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from autograder import sandbox
from autograder.grading.options import AskedOptions, Options, ReducedRun
from autograder.grading.rejudge import TRAINING_SOFTWARE
from autograder.grading.training_run import Listener, TrainingSetup, train_once
from autograder.store.checkpoints import Checkpoint
from autograder.store.counting.attempt_history import RunHistory, VerdictHistory
from autograder.store.records import RunRecord, software_versions
from autograder.workers.client import WorkerPool
from course.data import MNIST
from course.errors import GraderError, SpecError, UsageError
from course.spec import Spec
from course.training.hardware import choose_device_type, processor_name
from course.training.results import EpochResult

ABSENT = "none"
MAX_MINUTES = 7 * 24 * 60.0  # of a run: this machine may be slow, and the run was allowed before


@dataclass(frozen=True)
class ChangedNumber:
    """A number that came out differently; `run` counts from 1, and `epoch` is 0 for what concerns the whole run."""

    run: int
    seed: int
    epoch: int
    name: str
    then: str
    now: str


@dataclass(frozen=True)
class Rerun:
    """What training again gave. `conditions` are sentences about what is not as it was, which may explain `changed`."""

    conditions: tuple[str, ...]
    runs: int
    epochs: int
    changed: tuple[ChangedNumber, ...]

    @property
    def is_equal(self) -> bool:
        return not self.changed

    def to_dict(self) -> dict[str, Any]:
        return {"is_equal": self.is_equal, **asdict(self)}


def check_rerun(verdict: VerdictHistory | None) -> VerdictHistory:
    """The verdict, if its runs can be trained again. Raises UsageError."""
    if verdict is None:
        raise UsageError("There is no verdict yet, so there is nothing to train again.")
    if not verdict.runs:
        raise UsageError(f"The verdict {verdict.verdict!r} rests on no training, so there is nothing to train again.")
    if not verdict.spec:
        raise UsageError("The captured recipe is not in the store, so it cannot be trained again.")
    for run in verdict.runs:
        choose_device_type(run.key.device)
    return verdict


def changed_conditions(verdict: VerdictHistory) -> tuple[str, ...]:
    """What the digits depend on and is not as it was when the verdict's runs were trained, each once."""
    return tuple(dict.fromkeys(change for run in verdict.runs for change in _changes(run)))


def train_again(verdict: VerdictHistory, listener: Listener, *, trust_submissions: bool = False) -> Rerun:
    """Train each run of the verdict with its seed and options, from the beginning, and compare all epochs.

    No store and no checkpoint is read or written. Raises UsageError, GraderError, RecipeError, DataError.
    """
    check_rerun(verdict)
    tier = sandbox.choose_tier(trust_submissions)
    asked = AskedOptions.parse(verdict.options)
    data_set = asked.data_set(verdict.rules) if asked else MNIST
    spec = _read_spec(verdict)
    conditions = list(changed_conditions(verdict))
    changed: list[ChangedNumber] = []
    with WorkerPool() as workers:
        for number, run in enumerate(verdict.runs, start=1):
            setup = TrainingSetup(_options(verdict, run, trust_submissions), tier, listener, workers, data_set)
            epochs = min(spec.epochs, setup.options.reduced.epochs) if setup.options.reduced else spec.epochs
            to_train = spec.model_copy(update={"epochs": epochs})
            record = train_once(setup, to_train, run.key.seed, number, _NoCheckpoints())
            if run.key.device != "cpu" and record.device_name != run.record.device_name:
                conditions.append(_was("device", run.record.device_name, record.device_name))
            changed += compare_runs(number, run.record, record)
    total = sum(len(run.record.epochs) for run in verdict.runs)
    return Rerun(tuple(dict.fromkeys(conditions)), len(verdict.runs), total, tuple(changed))


def compare_runs(number: int, then: RunRecord, now: RunRecord) -> Iterator[ChangedNumber]:
    """Every number of every epoch that is not the same to the last digit, and how the runs ended."""
    for index in range(max(len(then.epochs), len(now.epochs))):
        before, after = (_numbers(run.epochs, index) for run in (then, now))
        for name in before:
            if before[name] != after[name]:
                yield ChangedNumber(number, then.seed, index + 1, name, before[name], after[name])
    if then.ended != now.ended:
        yield ChangedNumber(number, then.seed, 0, "ended", then.ended or ABSENT, now.ended or ABSENT)


def _read_spec(verdict: VerdictHistory) -> Spec:
    try:
        spec = Spec.from_json(verdict.spec)
    except SpecError as error:
        raise GraderError(f"The captured recipe in the store cannot be read: {error}") from None
    if spec.hash != verdict.spec_hash:
        raise GraderError(
            "The captured recipe in the store is not the one of the verdict, so training it would say nothing. "
            "`autograder verify` says more."
        )
    return spec


def _numbers(epochs: tuple[EpochResult, ...], index: int) -> dict[str, str]:
    """The numbers of an epoch in the shortest form that gives every bit: 0.1 and 0.10000000000000002 differ."""
    if index >= len(epochs):
        return {field.name: ABSENT for field in fields(EpochResult)}
    return {name: repr(value) for name, value in asdict(epochs[index]).items()}


def _options(verdict: VerdictHistory, run: RunHistory, trust_submissions: bool) -> Options:
    """Those of the run, which are part of its key."""
    options = Options(
        assignment=str(verdict.rules.get("assignment", "")),
        device=run.key.device,
        threads=run.key.threads,
        trust_submissions=trust_submissions,
        max_minutes=MAX_MINUTES,
    )
    return replace(options, reduced=ReducedRun.parse(run.key.reduced)) if run.key.reduced else options


def _changes(run: RunHistory) -> Iterator[str]:
    now = software_versions()
    for name in TRAINING_SOFTWARE:
        if run.versions.get(name) != now[name]:
            yield _was(name, run.versions.get(name, "not noted"), now[name])
    if run.key.device == "cpu" and run.record.device_name != processor_name():
        yield _was("processor", run.record.device_name, processor_name())


def _was(name: str, then: str, now: str) -> str:
    return f"{name}: {then or 'not noted'} then, {now} now"


class _NoCheckpoints:
    """A CheckpointStore that keeps nothing: the run is to begin anew."""

    def load(self) -> Checkpoint:
        return Checkpoint()

    def save(self, result: EpochResult, state: bytes) -> None: ...

    def finish(self, record: RunRecord) -> None: ...
