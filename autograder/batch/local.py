"""A class of submissions: a queue, and workers that take from it, each grading one submission at a time.

The store is what holds a batch together. Whatever ends, a process or a machine, the same command goes on where it was;
two batches on one store share the work, and a recipe that several students hand in trains once.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

import psutil

from autograder import sandbox
from autograder.batch.submissions import SubmissionFile
from autograder.grading.options import Options
from autograder.grading.pipeline import Listener, grade
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import TrainedElsewhere, register
from autograder.store import Regrade, Store, StoreError
from autograder.store.records import Result
from autograder.workers.client import WorkerPool
from course.errors import CourseError, UsageError
from course.training import devices

POLL_SECONDS = 1.0
RUNS_PER_GPU = 4
WORKERS_PER_RECIPE_SANDBOX = 8  # capturing a recipe is short compared to training it
BYTES_PER_WORKER = 2 * 2**30  # what one worker's processes need, with room to spare


@dataclass(frozen=True)
class Outcome:
    """What a batch says about one submission; everything else is in the store. `best` is of `total` test images."""

    student: str
    assignment: str
    file: str
    verdict: str
    reasons: tuple[str, ...]
    borderline: bool = False
    official: bool = True
    counted: int | None = None
    best: int | None = None
    total: int | None = None
    runs: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict:
        return asdict(self)


@dataclass
class BatchSummary:
    """A batch's outcomes, in the order they came."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def verdicts(self) -> dict[str, int]:
        return dict(Counter(outcome.verdict for outcome in self.outcomes).most_common())

    def to_dict(self) -> dict:
        told = sorted(self.outcomes, key=lambda o: (o.assignment, o.student))
        return {"verdicts": self.verdicts, "seconds": self.seconds, "submissions": [o.to_dict() for o in told]}


class ProgressDisplay(Protocol):
    """Told what a batch does; `worker` numbers the place where a submission is graded."""

    def listener(self, worker: int) -> Listener: ...

    def began(self, worker: int, submission: SubmissionFile) -> None: ...

    def defer(self, worker: int) -> None: ...

    def finished(self, worker: int, outcome: Outcome) -> None: ...


class BatchStopped(Exception):
    """The batch is to end: raised where a listener is told something, so that no run is cut off within a word."""


class WorkQueue:
    """What is still to be graded. What another process trains just now is put off until it is done there."""

    def __init__(self, submissions: Sequence[SubmissionFile], store: Store):
        self._waiting = deque(submissions)
        self._deferred: deque[tuple[SubmissionFile, int]] = deque()
        self._store = store
        self._lock = threading.Lock()
        self.stop = threading.Event()

    def next(self, wait: bool = True) -> SubmissionFile | None:
        """The next that can be begun, or None when nothing is left or all is to stop; without `wait`, none just now."""
        while not self.stop.is_set():
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
                deferred = len(self._deferred)
                for _ in range(deferred):
                    submission, run_id = self._deferred.popleft()
                    if not self._store.claims.is_busy(run_id):
                        return submission
                    self._deferred.append((submission, run_id))
            if not deferred or not wait:
                return None
            self.stop.wait(POLL_SECONDS)
        return None

    def defer(self, submission: SubmissionFile, run_id: int) -> None:
        with self._lock:
            self._deferred.append((submission, run_id))


UNREADABLE = (UsageError, OSError, ValueError, MemoryError)  # what one student's file may lead to


class GradingWorker(contextlib.AbstractContextManager):
    """Grades one submission after another in warm processes of its own. For one thread."""

    def __init__(self, options: Options, store: Store, recipe_sandbox: RecipeSandbox):
        self._options, self._store, self._recipe_sandbox = options, store, recipe_sandbox
        self._workers = WorkerPool(warm=True)

    def __exit__(self, *_) -> None:
        self._workers.__exit__()

    def grade(self, submission: SubmissionFile, listener: Listener, regrade: Regrade | None = None) -> Outcome:
        """Raises TrainedElsewhere, StoreError, BatchStopped; other errors are outcomes.

        A fault of ours is retried once.
        """
        began = time.monotonic()
        for tries_left in (1, 0):
            try:
                result = self._grade(submission, listener, regrade)
                if result.verdict != "internal" or not tries_left:
                    break
            except (TrainedElsewhere, StoreError, BatchStopped):
                raise
            except CourseError as error:
                return self._internal(submission, str(error))
            except Exception as error:  # a bug that one submission meets must not stop a class
                reason = f"{type(error).__name__}: {error}. Grade it alone, with --no-store, to see where."
                return self._internal(submission, reason)
        return _outcome(submission, result, round(time.monotonic() - began, 1))

    def _internal(self, submission: SubmissionFile, reason: str) -> Outcome:
        with contextlib.suppress(*UNREADABLE):
            self._store.results.mark_internal_error(
                register(self._store, submission.path, submission.student, submission.assignment), reason
            )
        return Outcome(submission.student, submission.assignment, submission.path.name, "internal", (reason,))

    def _grade(self, submission: SubmissionFile, listener: Listener, regrade: Regrade | None) -> Result:
        return grade(
            submission.path,
            replace(self._options, assignment=submission.assignment),
            listener,
            self._recipe_sandbox,
            self._store,
            submission.student,
            regrade=regrade,
            wait=False,
            workers=self._workers,
            reuse_verdict=True,
        )


def select_submissions(
    submissions: Sequence[SubmissionFile], store: Store, students: Collection[str], verdicts: Collection[str]
) -> list[SubmissionFile]:
    """Those of the named students, and those whose last attempt has one of the verdicts. Raises UsageError."""
    last = (
        {(w.student, w.assignment): store.results.latest(w.student, w.assignment) for w in submissions}
        if verdicts
        else {}
    )
    chosen = [
        submission
        for submission in submissions
        if submission.student in students
        or ((graded := last.get((submission.student, submission.assignment))) and graded.result.verdict in verdicts)
    ]
    if unknown := sorted(set(students) - {submission.student for submission in submissions}):
        raise UsageError(f"There is no submission of {', '.join(unknown)} in these folders.")
    if not chosen:
        raise UsageError(f"No submission in these folders has the verdict {' or '.join(verdicts)}.")
    return chosen


def register_all(submissions: Sequence[SubmissionFile], store: Store) -> None:
    """Make each an attempt before the first is graded, so that a leaderboard shows who waits. Raises StoreError."""
    for submission in submissions:
        with contextlib.suppress(*UNREADABLE):  # it is told when its turn comes
            register(store, submission.path, submission.student, submission.assignment)


def jobs_here(options: Options) -> int:
    """As many runs at once as this machine has cores, or several to a GPU, where its memory allows it."""
    if devices.choose_device(options.device).type == "cuda":
        return RUNS_PER_GPU
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores // options.threads, psutil.virtual_memory().available // BYTES_PER_WORKER))


def run_batch(
    submissions: Sequence[SubmissionFile],
    options: Options,
    store: Store,
    display: ProgressDisplay,
    *,
    jobs: int | None = None,
    regrade: Regrade | None = None,
) -> BatchSummary:
    """Grade them all on this machine, `jobs` at a time. Raises StoreError, UsageError, KeyboardInterrupt."""
    tier = sandbox.choose_tier(options.trust_submissions)
    jobs = max(1, min(jobs or jobs_here(options), len(submissions)))
    queue, summary = WorkQueue(submissions, store), BatchSummary()
    began = time.monotonic()

    def work_off(number: int) -> None:
        recipe_sandbox = recipe_sandboxes[number // WORKERS_PER_RECIPE_SANDBOX]
        with contextlib.suppress(BatchStopped), GradingWorker(options, store, recipe_sandbox) as worker:
            while submission := queue.next():
                display.began(number, submission)
                listener = _Interruptible(display.listener(number), queue.stop)
                try:
                    outcome = worker.grade(submission, listener, regrade)
                except TrainedElsewhere as elsewhere:
                    queue.defer(submission, elsewhere.run_id)
                    display.defer(number)
                else:
                    summary.outcomes.append(outcome)
                    display.finished(number, outcome)

    with contextlib.ExitStack() as open_ones:
        recipe_sandboxes = [
            open_ones.enter_context(RecipeSandbox(tier, warm=True)) for _ in range(0, jobs, WORKERS_PER_RECIPE_SANDBOX)
        ]
        # futures, because an interrupted Thread.join believes that the thread has ended (CPython 3.11)
        pool = open_ones.enter_context(ThreadPoolExecutor(jobs))
        open_ones.callback(queue.stop.set)  # before the pool waits for its threads
        for ended in as_completed([pool.submit(work_off, number) for number in range(jobs)]):
            ended.result()
    summary.seconds = round(time.monotonic() - began, 1)
    return summary


def _outcome(submission: SubmissionFile, result: Result, seconds: float) -> Outcome:
    epochs = [epoch for run in result.runs for epoch in run.epochs]
    return Outcome(
        student=submission.student,
        assignment=submission.assignment,
        file=submission.path.name,
        verdict=result.verdict,
        reasons=result.reasons,
        borderline=result.borderline,
        official=result.official,
        counted=result.counted,
        best=max((epoch.correct for epoch in epochs), default=None),
        total=epochs[0].test_total if epochs else None,
        runs=len(result.runs),
        seconds=seconds,
    )


class _Interruptible:
    """Hands on what a listener is told, until the batch is to stop."""

    def __init__(self, listener: Listener, stop: threading.Event):
        self._listener, self._stop = listener, stop

    def __getattr__(self, name: str):
        if self._stop.is_set():
            raise BatchStopped
        return getattr(self._listener, name)
