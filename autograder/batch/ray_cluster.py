"""A class of submissions on the machines of a Ray cluster: the same workers, each in a process of Ray's.

Every machine has this package, MNIST and the PostgreSQL store at hand; the submissions and the course's secret travel
with the tasks. When a machine dies Ray gives its tasks to another, and the store says from which epoch they go on.
"""

from __future__ import annotations

import functools
import os
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder import sandbox
from autograder.batch.local import (
    POLL_SECONDS,
    RUNS_PER_GPU,
    BatchSummary,
    GradingWorker,
    Outcome,
    ProgressDisplay,
    WorkQueue,
)
from autograder.batch.submissions import SubmissionFile
from autograder.grading.options import Options
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import TIMESTAMP, TrainedElsewhere, handed_in
from autograder.store import Regrade, Store, StoreError, open_store
from autograder.store.secret import SECRET_VARIABLE, course_secret
from course.errors import GraderError, UsageError

RETRIES = 5  # how many deaths of its process or machine one submission may see

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody else is told what is graded here
try:
    import ray
except ImportError:
    raise UsageError("Ray is not installed here. Run `pip install 'under8k[ray]'`, on every machine.") from None


@dataclass(frozen=True)
class RemoteSubmission:
    """One submission, as it travels to another machine."""

    name: str
    content: bytes
    handed_in: str
    student: str
    assignment: str

    @classmethod
    def pack(cls, submission: SubmissionFile) -> RemoteSubmission:
        handed = handed_in(submission.path).isoformat()
        return cls(
            submission.path.name, submission.path.read_bytes(), handed, submission.student, submission.assignment
        )

    def unpack(self, folder: Path) -> SubmissionFile:
        (folder / TIMESTAMP).write_text(self.handed_in)
        path = folder / self.name
        path.write_bytes(self.content)
        return SubmissionFile(path, self.student, self.assignment)


class _Quiet:
    """A listener on a machine that nobody looks at."""

    def __getattr__(self, name: str):
        return lambda *_: None


def run_on_ray(
    address: str,
    submissions: Sequence[SubmissionFile],
    options: Options,
    store: Store,
    display: ProgressDisplay,
    *,
    jobs: int | None = None,
    regrade: Regrade | None = None,
) -> BatchSummary:
    """Grade them all on the cluster, as many at once as it has room for, or `jobs`. Raises StoreError, UsageError."""
    if store.url.get_backend_name() != "postgresql":
        raise UsageError("Several machines need a store that all of them reach: --store postgresql://user@host/name.")
    try:
        check_reachable(address)
        ray.init(address, log_to_driver=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"There is no Ray cluster at {address} ({error}). Start one: `ray start --head`.") from None
    try:
        return _Driver(submissions, options, store, display, jobs, regrade).run()
    finally:
        ray.shutdown()


def check_reachable(address: str) -> None:
    """Raise OSError when nobody is there: Ray itself would go on trying for ten minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


class _Driver:
    """Keeps the cluster busy: hands out parcels, takes outcomes."""

    def __init__(
        self,
        submissions: Sequence[SubmissionFile],
        options: Options,
        store: Store,
        display: ProgressDisplay,
        jobs: int | None,
        regrade: Regrade | None,
    ):
        self._queue, self._display, self._jobs = WorkQueue(submissions, store), display, jobs
        self._summary = BatchSummary()
        self._under_way: dict[ray.ObjectRef, tuple[int, SubmissionFile]] = {}
        if options.device == "auto":  # one kind for all, or the class would not be treated alike
            options = replace(options, device="cuda" if ray.cluster_resources().get("GPU") else "cpu")
        self._options = options
        gpus = 1 / RUNS_PER_GPU if options.device == "cuda" else 0
        self._task = ray.remote(num_cpus=options.threads, num_gpus=gpus, max_retries=RETRIES)(grade_remotely)
        url = store.url.render_as_string(hide_password=False)
        self._rest = (options, url, course_secret(), regrade)

    def run(self) -> BatchSummary:
        began = time.monotonic()
        while self._hand_out() or self._under_way:
            done, _ = ray.wait(list(self._under_way), timeout=POLL_SECONDS)
            for reference in done:
                self._take(reference, *self._under_way.pop(reference))
        self._summary.seconds = round(time.monotonic() - began, 1)
        return self._summary

    def _hand_out(self) -> bool:
        """Fill the free places; False when nothing is left that could be begun."""
        while len(self._under_way) < self._room():
            submission = self._queue.next(wait=not self._under_way)
            if submission is None:
                return False
            worker = min(set(range(len(self._under_way) + 1)) - {worker for worker, _ in self._under_way.values()})
            self._display.began(worker, submission)
            self._display.listener(worker).stage("on the cluster")
            self._under_way[self._task.remote(RemoteSubmission.pack(submission), *self._rest)] = (worker, submission)
        return True

    def _room(self) -> int:
        """Machines come and go."""
        there = ray.cluster_resources()
        if self._options.device == "cuda":
            room = int(there.get("GPU", 0) * RUNS_PER_GPU)
        else:
            room = int(there.get("CPU", 0) // self._options.threads)
        return max(1, min(room, self._jobs or room))

    def _take(self, reference: ray.ObjectRef, worker: int, submission: SubmissionFile) -> None:
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, GraderError):
                raise StoreError(str(error.cause)) from None
            outcome = _fault(submission, f"{error.cause}")
        except ray.exceptions.RayError as error:
            outcome = _fault(submission, str(error).strip().splitlines()[0])
        if isinstance(outcome, int):
            self._queue.defer(submission, outcome)
            self._display.defer(worker)
        else:
            self._summary.outcomes.append(outcome)
            self._display.finished(worker, outcome)


def grade_remotely(
    remote: RemoteSubmission, options: Options, url: str, secret: bytes, regrade: Regrade | None
) -> Outcome | int:
    """What a task does; an int is the run that another process trains just now. Raises StoreError."""
    os.environ[SECRET_VARIABLE] = secret.decode()
    with tempfile.TemporaryDirectory(prefix="under8k") as folder:
        submission = remote.unpack(Path(folder))
        try:
            return _worker(options, url).grade(submission, _Quiet(), regrade)
        except TrainedElsewhere as elsewhere:
            return elsewhere.run_id


@functools.cache
def _worker(options: Options, url: str) -> GradingWorker:
    """One to a process: Ray gives a process one task after another."""
    return GradingWorker(
        options, open_store(url), RecipeSandbox(sandbox.choose_tier(options.trust_submissions), warm=True)
    )


def _fault(submission: SubmissionFile, reason: str) -> Outcome:
    return Outcome(
        submission.student, submission.assignment, submission.path.name, "internal", (f"On the cluster: {reason}",)
    )
