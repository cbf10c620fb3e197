"""A batch on a Ray cluster: grading workers as in `local`, each in a Ray process.

Every machine needs this package, MNIST and access to the PostgreSQL store. Submissions, the course secret and a data
set of the course's own travel with the tasks. If a machine dies, Ray gives its tasks to another one, which resumes
after the last epoch in the store.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder import sandbox
from autograder.batch.grading_worker import GradingWorker
from autograder.batch.local import ProgressDisplay
from autograder.batch.outcome import BatchSummary, Outcome
from autograder.batch.runs_per_gpu import RunsPerGPU
from autograder.batch.submissions import SubmissionFile
from autograder.batch.work_queue import POLL_SECONDS, WorkQueue
from autograder.grading.attempts import TIMESTAMP, handed_in
from autograder.grading.options import Options
from autograder.grading.read_submission import read_bytes
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import TrainedElsewhere
from autograder.store import Regrade, Store, StoreError, open_store
from autograder.store.secret import SECRET_VARIABLE, course_secret
from autograder.workers.messages import Progress, RunStarted
from course.data import data_sets
from course.errors import GraderError, StudentCodeError, UsageError
from course.files import write_atomically
from course.rules import COURSE_VARIABLE, PACKAGED, rules_file
from course.training.results import EpochResult

MAX_RETRIES = 5  # how often one submission is given to another process or machine because the last one died
CONNECT_SECONDS = 10

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what is graded here is not reported to anybody
try:
    import ray
except ImportError:
    raise UsageError("Ray is not installed. Run `pip install 'under8k[ray]'` on every machine.") from None


@dataclass(frozen=True)
class RemoteSubmission:
    """One submission in the form in which it travels to another machine."""

    name: str
    content: bytes
    handed_in: str  # ISO 8601
    student: str
    assignment: str

    @classmethod
    def pack(cls, submission: SubmissionFile) -> RemoteSubmission:
        path = submission.path
        try:
            content = read_bytes(path)
        except StudentCodeError:  # a link, or too large: it has no recipe there either
            content = b""
        time = handed_in(path).time.isoformat()
        return cls(path.name, content, time, submission.student, submission.assignment)

    def unpack(self, folder: Path) -> SubmissionFile:
        (folder / TIMESTAMP).write_text(self.handed_in)
        path = folder / self.name
        path.write_bytes(self.content)
        return SubmissionFile(path, self.student, self.assignment)


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
    """Grade all submissions on the cluster, as many at a time as fit, at most `jobs`. Raises StoreError, UsageError."""
    if store.url.get_backend_name() != "postgresql":
        raise UsageError("Several machines need a store that all of them reach: --store postgresql://user@host/name.")
    try:
        _check_reachable(address)
        ray.init(address, log_to_driver=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"There is no Ray cluster at {address} ({error}). Start one: `ray start --head`.") from None
    try:
        return _ClusterBatch(submissions, options, store, display, jobs, regrade).run()
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at the address: Ray itself would keep trying for ten minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


class _ClusterBatch:
    """Keeps the cluster busy: submits tasks and collects their outcomes."""

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
        self._running: dict[ray.ObjectRef[Graded], tuple[int, SubmissionFile]] = {}  # with the worker's number
        if options.device == "auto":  # the same kind of device for all students
            options = replace(options, device="cuda" if ray.cluster_resources().get("GPU") else "cpu")
        self._options = options
        self._runs = RunsPerGPU(gpus=0)  # their number is asked for when it is needed: machines join and leave
        self._task = ray.remote(num_cpus=options.threads, max_retries=MAX_RETRIES)(grade_remotely)
        store_url = store.url.render_as_string(hide_password=False)
        self._task_arguments = (options, store_url, course_secret(), rules_file().read_text(), regrade)

    def run(self) -> BatchSummary:
        start = time.monotonic()
        while self._submit_tasks() or self._running:
            finished, _ = ray.wait(list(self._running), timeout=POLL_SECONDS)
            for reference in finished:
                self._collect(reference, *self._running.pop(reference))
                self._runs.set_running(len(self._running))
        self._summary.seconds = round(time.monotonic() - start, 1)
        return self._summary

    def _submit_tasks(self) -> bool:
        """Submit as many tasks as there is room for. False if no submission is left that could be graded now."""
        while len(self._running) < self._capacity():
            submission = self._queue.next(wait=not self._running)
            if submission is None:
                return False
            used = {worker for worker, _ in self._running.values()}
            worker = next(number for number in range(len(used) + 1) if number not in used)
            self._display.began(worker, submission)
            self._display.listener(worker).stage("on the cluster")
            task = self._task.options(num_gpus=1 / self._runs.limit if self._options.device == "cuda" else 0)
            reference = task.remote(RemoteSubmission.pack(submission), self._own_data, *self._task_arguments)
            self._running[reference] = (worker, submission)
            self._runs.set_running(len(self._running))
        return True

    @functools.cached_property
    def _own_data(self) -> ray.ObjectRef[dict[str, bytes]]:
        """The course's own data sets, sent to each machine once."""
        return ray.put(own_data())

    def _capacity(self) -> int:
        """How many tasks fit on the cluster now; machines join and leave."""
        resources = ray.cluster_resources()
        capacity = int(resources.get("CPU", 0) // self._options.threads)
        if self._options.device == "cuda":
            self._runs.gpus = resources.get("GPU", 0)
            capacity = min(capacity, self._runs.places)
        return max(1, min(capacity, self._jobs or capacity))

    def _collect(self, reference: ray.ObjectRef[Graded], worker: int, submission: SubmissionFile) -> None:
        outcome: Outcome | int
        try:
            graded = ray.get(reference)
            outcome = graded.outcome
            self._runs.advanced(graded.epochs, graded.memory)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, GraderError):
                raise StoreError(str(error.cause)) from None
            outcome = Outcome.internal_error(submission, f"On the cluster: {error.cause}")
        except ray.exceptions.RayError as error:
            outcome = Outcome.internal_error(submission, f"On the cluster: {str(error).strip().splitlines()[0]}")
        if isinstance(outcome, int):
            self._queue.defer(submission, outcome)
            self._display.deferred(worker)
        else:
            self._summary.outcomes.append(outcome)
            self._display.finished(worker, outcome)


@dataclass(frozen=True)
class Graded:
    """What a task returns: its outcome, or the id of a run that another process is training.

    `epochs` were trained for it; `memory` is the largest share of its GPU's memory that was in use.
    """

    outcome: Outcome | int
    epochs: int
    memory: float


def grade_remotely(
    remote: RemoteSubmission,
    data: dict[str, bytes],
    options: Options,
    store_url: str,
    secret: bytes,
    rules: str,
    regrade: Regrade | None,
) -> Graded:
    """The Ray task; `rules` is the text of the course's rules.toml, `data` is of `own_data`. Raises StoreError."""
    os.environ[SECRET_VARIABLE] = secret.decode()
    os.environ[COURSE_VARIABLE] = str(course := _course_with(rules))
    write_own_data(course, data)
    listener = _Counter()
    with tempfile.TemporaryDirectory(prefix="under8k") as folder:
        submission = remote.unpack(Path(folder))
        outcome: Outcome | int
        try:
            outcome = _grading_worker(options, store_url).grade(submission, listener, regrade)
        except TrainedElsewhere as error:
            outcome = error.run_id
    return Graded(outcome, listener.epochs, listener.memory)


def own_data() -> dict[str, bytes]:
    """The files of the course's own data sets, by their paths below its folder. Raises DataError."""
    own = [data_set for data_set in data_sets() if not data_set.is_published]
    return {f"{data_set.name}/{path.name}": path.read_bytes() for data_set in own for path in data_set.files().paths}


def write_own_data(course: Path, data: dict[str, bytes]) -> None:
    """Put what `own_data` gives into another course's folder, unless it is there."""
    for name, content in data.items():
        if not (course / name).exists():
            write_atomically(course / name, content)


@functools.cache
def _course_with(rules: str) -> Path:
    """A folder with these rules, as long as this process lives."""
    folder = Path(tempfile.mkdtemp(prefix="under8k"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / PACKAGED.name).write_text(rules)
    return folder


@functools.cache
def _grading_worker(options: Options, store_url: str) -> GradingWorker:
    """One per process, because Ray gives a process one task after another."""
    recipe_sandbox = RecipeSandbox(sandbox.choose_tier(options.trust_submissions), warm=True)
    return GradingWorker(options, open_store(store_url), recipe_sandbox)


class _Counter:
    """A listener that shows nothing, because nobody sees the output of a task."""

    def __init__(self) -> None:
        self.epochs, self.memory = 0, 0.0

    def stage(self, text: str) -> None:
        pass

    def run_started(self, number: int, seed: int, started: RunStarted) -> None:
        self.epochs -= started.resumed  # they are told again

    def progress(self, progress: Progress) -> None:
        self.memory = max(self.memory, progress.memory)

    def epoch(self, result: EpochResult) -> None:
        self.epochs += 1
