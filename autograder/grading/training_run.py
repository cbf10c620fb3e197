"""One training of one spec with one seed, in two processes: a trainer, and a scorer that has the test labels."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from platformdirs import user_cache_path

from autograder import sandbox
from autograder.grading.options import Options
from autograder.store.checkpoints import Checkpoint, CheckpointFile, CheckpointStore
from autograder.store.records import RunRecord, software_versions
from autograder.store.secret import private_folder
from autograder.workers.client import NO_GPU, Worker, WorkerPool
from autograder.workers.messages import (
    EpochFinished,
    Outputs,
    Progress,
    Remark,
    RunStarted,
    Scored,
    ScoreRequest,
    TrainerMessage,
    TrainingFailed,
    TrainRequest,
    parse_trainer_message,
)
from course import data
from course.data import MNIST, DataFiles, DataSet
from course.errors import GraderError, RecipeError, plural
from course.spec import Spec
from course.training.hardware import may_have_gpu
from course.training.results import EpochResult

TEST_LABELS = "t10k-labels-idx1-ubyte"


class Interruption(Exception):
    """Leaves a grading without a verdict, and is nobody's fault; a listener may raise it."""


class Listener(Protocol):
    """Is called with what happens while a submission is graded."""

    def stage(self, text: str) -> None: ...

    def run_started(self, number: int, seed: int, started: RunStarted) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def epoch(self, result: EpochResult) -> None: ...


@dataclass(frozen=True)
class TrainingSetup:
    """What all runs of one grading have in common."""

    options: Options
    tier: sandbox.Tier
    listener: Listener
    workers: WorkerPool
    data_set: DataSet = MNIST

    @cached_property
    def files(self) -> DataFiles:
        """Those of the data set, checked. Raises DataError."""
        return self.data_set.files()


def train_once(
    setup: TrainingSetup, spec: Spec, seed: int, number: int = 1, checkpoints: CheckpointStore | None = None
) -> RunRecord:
    """Train `spec` to the end, or until training diverges, as run `number` (from 1) of a grading.

    It goes on from the checkpoint of an interrupted training. `checkpoints` defaults to a file in the user's cache
    folder. Raises GraderError, RecipeError.
    """
    checkpoints = checkpoints or CheckpointFile(checkpoint_path(spec, seed, setup.options, setup.data_set.key))
    return TrainingRun(setup, spec, seed, number, checkpoints).train()


class TrainingRun:
    """The state of one training, with a method for each message of the trainer. Its `train` is called once."""

    def __init__(self, setup: TrainingSetup, spec: Spec, seed: int, number: int, checkpoints: CheckpointStore):
        self._setup, self._spec, self._seed, self._number = setup, spec, seed, number
        self._checkpoints = checkpoints
        self._resumed_from = Checkpoint()
        self._started: RunStarted | None = None
        self._epochs: list[EpochResult] = []
        self._score: Scored | None = None  # of the newest outputs
        self._ended = ""

    def train(self) -> RunRecord:
        """Talk to both processes until the trainer has ended. Raises GraderError, RecipeError."""
        self._resumed_from = self._checkpoints.load()
        began = time.monotonic()
        with self._start_trainer() as trainer, self._start_scorer() as scorer:
            scorer.send(self._score_request())
            trainer.send(self._train_request())
            while line := trainer.receive():
                self._handle(parse_trainer_message(line), trainer, scorer)
        record = self._record(seconds=round(time.monotonic() - began, 1))
        self._checkpoints.finish(record)
        return record

    def _handle(self, message: TrainerMessage, trainer: Worker, scorer: Worker) -> None:
        match message:
            case RunStarted():
                self._on_started(message)
            case Remark():
                self._setup.listener.stage(message.text)
            case Progress():
                self._setup.listener.progress(message)
            case Outputs():
                self._on_outputs(message, trainer, scorer)
            case EpochFinished():
                self._on_epoch(message)
            case TrainingFailed():
                self._on_failed(message)

    def _on_started(self, message: RunStarted) -> None:
        self._started = message
        self._epochs += self._resumed_from.epochs[: message.resumed]
        self._setup.listener.run_started(self._number, self._seed, message)
        for epoch in self._epochs:
            self._setup.listener.epoch(epoch)

    def _on_outputs(self, message: Outputs, trainer: Worker, scorer: Worker) -> None:
        """Have the outputs scored. The trainer learns the score, and not which images were wrong."""
        scorer.send(message)
        self._score = Scored.model_validate_json(scorer.receive())
        trainer.send(Scored(loss=self._score.loss, correct=self._score.correct))

    def _on_epoch(self, message: EpochFinished) -> None:
        """Record the trainer's numbers, with the score as the scorer gave it."""
        if self._score is None:
            raise GraderError(f"The trainer finished epoch {message.result.epoch} without asking for a score.")
        result = replace(message.result, test_loss=self._score.loss, correct=self._score.correct)
        self._epochs.append(result)
        self._checkpoints.save(result, base64.b64decode(message.state))
        self._setup.listener.epoch(result)

    def _on_failed(self, message: TrainingFailed) -> None:
        if message.kind == "refused":
            raise RecipeError(message.text)
        if message.kind == "internal":
            raise GraderError(message.text)
        self._ended = message.text

    def _record(self, seconds: float) -> RunRecord:
        is_complete = len(self._epochs) == self._spec.epochs or self._ended
        if self._started is None or not is_complete:
            trained = f"{len(self._epochs)} of {plural(self._spec.epochs, 'epoch')}"
            raise GraderError(f"The trainer ended after {trained} without saying why.")
        return RunRecord(
            seed=self._seed,
            device=self._started.device,
            device_name=self._started.device_name,
            threads=self._started.threads,
            epochs=tuple(self._epochs),
            seconds=seconds,
            ended=self._ended,
            wrong=self._score.wrong if self._score else (),
        )

    def _start_trainer(self) -> Worker:
        files, options = self._setup.files, self._setup.options
        sandboxed = self._setup.tier is sandbox.Tier.BUBBLEWRAP and not trainer_problem(options)
        return self._setup.workers.start(
            "trainer",
            sandboxed=sandboxed,
            threads=options.threads,
            readable=[files.path(name) for name in data.FILES if name != TEST_LABELS],
            gpu=sandbox.gpu_access() if _may_use_gpu(options.device) else NO_GPU,
        )

    def _start_scorer(self) -> Worker:
        readable = [self._setup.files.path(TEST_LABELS)]
        sandboxed = self._setup.tier is sandbox.Tier.BUBBLEWRAP
        return self._setup.workers.start("scorer", sandboxed=sandboxed, readable=readable)

    def _train_request(self) -> TrainRequest:
        options = self._setup.options
        reduced = options.reduced
        return TrainRequest(
            spec=self._spec.to_json(),
            seed=self._seed,
            device=options.device,
            threads=options.threads,
            data=self._setup.files,
            train_size=self._setup.data_set.train_size,
            images=(reduced.train_images, reduced.test_images) if reduced else None,
            state=base64.b64encode(self._resumed_from.state or b"").decode(),
            max_seconds=60 * options.max_minutes,
        )

    def _score_request(self) -> ScoreRequest:
        reduced = self._setup.options.reduced
        return ScoreRequest(
            data=self._setup.files,
            loss=self._spec.loss,
            images=reduced.test_images if reduced else None,
        )


def checkpoint_path(spec: Spec, seed: int, options: Options, data_key: str = "") -> Path:
    """The file for the checkpoint of a run without a store; its name changes with all that the numbers depend on."""
    settings = f"{options.device}/{options.threads}/{options.reduced}{data_key and f'/{data_key}'}"
    key = f"{spec.hash}/{seed}/{settings}/{sorted(software_versions().items())}"
    folder = private_folder() or user_cache_path("under8k")
    return folder / "runs" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def isolation(tier: sandbox.Tier, options: Options) -> str:
    """How a grading is isolated, as its result records it: the tier, and whether training on a GPU is outside of it."""
    if tier is sandbox.Tier.BUBBLEWRAP and trainer_problem(options):
        return f"{tier}, training on the GPU without"
    return tier.value


def trainer_problem(options: Options) -> str | None:
    """Why the trainer cannot be in bubblewrap although that works here; None if it can."""
    return sandbox.gpu_problem() if _may_use_gpu(options.device) else None


def _may_use_gpu(device: str) -> bool:
    return device == "cuda" or (device == "auto" and may_have_gpu())
