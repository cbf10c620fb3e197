"""A batch on this machine: one thread per grading worker, each with processes of its own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol

import psutil

from autograder import sandbox
from autograder.batch.grading_worker import BatchStopped, GradingWorker, Propose
from autograder.batch.outcome import BatchSummary, Outcome
from autograder.batch.runs_per_gpu import RunsPerGPU
from autograder.batch.submissions import SubmissionFile
from autograder.batch.work_queue import WorkQueue
from autograder.grading.options import Options
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import TrainedElsewhere
from autograder.grading.training_run import Listener
from autograder.store import Regrade, Store
from autograder.workers.messages import Progress, RunStarted
from course.training.hardware import choose_device_type
from course.training.results import EpochResult

WORKERS_PER_RECIPE_SANDBOX = 8  # capturing a recipe is short compared to training it
BYTES_PER_WORKER = 2 * 2**30  # memory that the processes of one worker need, with a margin


class ProgressDisplay(Protocol):
    """Shows what a batch does. `worker` is the number of a worker, from 0."""

    def began(self, worker: int, submission: SubmissionFile) -> None: ...

    def listener(self, worker: int) -> Listener:
        """The listener for the submission that the worker is grading."""
        ...

    def deferred(self, worker: int) -> None: ...

    def finished(self, worker: int, outcome: Outcome) -> None: ...


def default_jobs(options: Options) -> int:
    """How many submissions to grade at once: one per core as far as memory allows. A GPU may take fewer at a time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    available: int = psutil.virtual_memory().available
    return max(1, min(cores // options.threads, available // BYTES_PER_WORKER))


def run_batch(
    submissions: Sequence[SubmissionFile],
    options: Options,
    store: Store,
    display: ProgressDisplay,
    *,
    jobs: int | None = None,
    regrade: Regrade | None = None,
    propose: Propose | None = None,
) -> BatchSummary:
    """Grade all submissions, `jobs` at a time. With `propose`, verdicts are handed over to it and not recorded.

    Without `jobs`, see `default_jobs`; how many of them use a GPU at once is then found out by `RunsPerGPU`.
    Raises StoreError, UsageError, KeyboardInterrupt.
    """
    tier = sandbox.choose_tier(options.trust_submissions)
    runs = RunsPerGPU() if jobs is None and choose_device_type(options.device) == "cuda" else None
    jobs = max(1, min(jobs or default_jobs(options), len(submissions)))
    queue, summary = WorkQueue(submissions, store), BatchSummary()
    start = time.monotonic()

    def run_worker(number: int) -> None:
        recipe_sandbox = recipe_sandboxes[number // WORKERS_PER_RECIPE_SANDBOX]
        with contextlib.suppress(BatchStopped), GradingWorker(options, store, recipe_sandbox, propose) as worker:
            is_left = True
            while is_left:
                with runs.place() if runs else contextlib.nullcontext():
                    is_left = grade_next(number, worker)

    def grade_next(number: int, worker: GradingWorker) -> bool:
        """False if no submission is left."""
        submission = queue.next()
        if submission is None:
            return False
        display.began(number, submission)
        listener = _WorkerListener(display.listener(number), queue.stop, runs)
        try:
            outcome = worker.grade(submission, listener, regrade)
        except TrainedElsewhere as error:
            queue.defer(submission, error.run_id)
            display.deferred(number)
        else:
            summary.outcomes.append(outcome)
            display.finished(number, outcome)
        return True

    with contextlib.ExitStack() as resources:
        recipe_sandboxes = [
            resources.enter_context(RecipeSandbox(tier, warm=True)) for _ in range(0, jobs, WORKERS_PER_RECIPE_SANDBOX)
        ]
        # futures, because after a KeyboardInterrupt Thread.join takes a running thread for finished (CPython 3.11)
        pool = resources.enter_context(ThreadPoolExecutor(jobs))
        resources.callback(queue.stop.set)  # runs before the pool waits for its threads
        for future in as_completed([pool.submit(run_worker, number) for number in range(jobs)]):
            future.result()
    summary.seconds = round(time.monotonic() - start, 1)
    return summary


class _WorkerListener:
    """Forwards events to a listener, and tells `runs` how far a run got. Once `stop` is set, it raises BatchStopped."""

    def __init__(self, listener: Listener, stop: threading.Event, runs: RunsPerGPU | None):
        self._listener, self._stop, self._runs = listener, stop, runs
        self._epochs = 0.0  # of this run, finished and in part

    def stage(self, text: str) -> None:
        self._raise_if_stopped()
        self._listener.stage(text)

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        self._raise_if_stopped()
        self._epochs = started.resumed
        self._listener.run_started(number, seed, started)

    def progress(self, progress: Progress) -> None:
        self._raise_if_stopped()
        if self._runs:
            self._runs.advanced(progress.epochs - self._epochs, progress.memory)
            self._epochs = progress.epochs
        self._listener.progress(progress)

    def epoch(self, result: EpochResult) -> None:
        self._raise_if_stopped()
        self._listener.epoch(result)

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise BatchStopped
