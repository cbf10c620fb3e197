"""One grading that is kept in a store: its attempt, its runs while they train, and its verdict."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from autograder.grading.submission import read_recipe_source
from autograder.store import Claim, ClaimLost, Regrade, RunBusy, RunFinished, RunKey, Store
from autograder.store.checkpoints import CheckpointStore
from autograder.store.records import Result, RunRecord, versions
from course.errors import StudentCodeError
from course.rules import Rules
from course.spec import Spec
from course.training.devices import choose_device

NBGRADER_FOLDERS = ("submitted", "autograded")
TIMESTAMP = "timestamp.txt"  # nbgrader leaves the time of hand-in beside a submission
POLL_SECONDS = 1.0


class TrainedElsewhere(Exception):
    """Another process trains run `run_id` just now, and we were not to wait for it."""

    def __init__(self, run_id: int):
        super().__init__(f"Run {run_id} is being trained by another process.")
        self.run_id = run_id


class GradingRecorder:
    """Keeps one grading. Without a student the runs are kept and no attempt: an attempt is always somebody's."""

    def __init__(
        self,
        store: Store,
        path: Path,
        rules: Rules,
        student: str | None,
        asked: str,
        *,
        regrade: Regrade | None = None,
        wait: bool = True,
    ):
        self._store, self._rules, self._asked, self._regrade, self._wait = store, rules, asked, regrade, wait
        self._run_ids: list[int] = []
        self._attempt: int | None = None
        if student:
            self._attempt = register(store, path, student, rules.assignment)

    def known(self) -> Result | None:
        """What this attempt came to before, where nothing has changed since."""
        if self._attempt is None or self._regrade is not None:
            return None
        return self._store.results.reusable_verdict(self._attempt, self._rules, self._asked, versions())

    def run(
        self,
        key: RunKey,
        spec: Spec,
        train: Callable[[CheckpointStore], RunRecord],
        tell: Callable[[str], None],
        isolation: str,
    ) -> RunRecord:
        """The run from the store, or trained and kept. Raises TrainedElsewhere, GraderError, RecipeError."""
        told = False
        while True:
            match self._store.claims.take(key, spec, self._regrade):
                case RunFinished(run_id, record):
                    tell(f"run with seed {key.seed}: trained before, taken from the store")
                    break
                case RunBusy(run_id):
                    if not self._wait:
                        raise TrainedElsewhere(run_id)
                    if not told:
                        tell(f"another process is training the same recipe with seed {key.seed}: waiting for it")
                        self._trains(run_id, spec)
                    told = True
                    time.sleep(POLL_SECONDS)
                case Claim() as claim:
                    claim.isolation = isolation
                    try:
                        with claim:
                            self._trains(claim.run_id, spec)
                            record = train(claim)
                    except ClaimLost as error:
                        tell(str(error))
                        continue
                    run_id = claim.run_id
                    break
        self._run_ids.append(run_id)
        return record

    def verdict(self, result: Result) -> None:
        """Keep it; one that is our fault is nobody's verdict, and what was there before stays."""
        if self._attempt is None:
            return
        if result.verdict == "internal":
            self._store.results.mark_internal_error(self._attempt, " ".join(result.reasons))
        else:
            reason = self._regrade.reason if self._regrade else ""
            self._store.results.record_verdict(
                self._attempt, result, self._rules, self._run_ids, options=self._asked, reason=reason
            )

    def _trains(self, run_id: int, spec: Spec) -> None:
        if self._attempt is not None:
            self._store.results.mark_training(self._attempt, run_id, spec.epochs)


def register(store: Store, path: Path, student: str, assignment: str) -> int:
    """Make the file an attempt, if it is none yet: its number in the store. Raises StoreError, UsageError."""
    source = recipe_of(path)
    content = source.encode(errors="surrogatepass") if source else path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    text = content.decode(errors="replace").replace("\0", "\ufffd") if source else ""
    name = path.name.encode(errors="backslashreplace").decode()
    return store.results.record_attempt(student, assignment, name, digest, handed_in(path), text)


def run_key(spec: Spec, seed: int, device: str, threads: int, cut: str, *, graphs: bool = False) -> RunKey:
    """`graphs`: steps are replayed as CUDA graphs, which may draw otherwise.

    Raises UsageError for a device that is not there.
    """
    made = versions()
    trainer = f"trainer {made['trainer']}, torch {made['torch']}, torchvision {made['torchvision']}"
    trainer += ", CUDA graphs" if graphs else ""
    return RunKey(spec.hash, seed, choose_device(device).type, threads, trainer, cut)


def recipe_of(path: Path) -> str:
    """The recipe's source; empty when there is none to be found. Raises UsageError."""
    try:
        return read_recipe_source(path).source
    except StudentCodeError:
        return ""


def handed_in(path: Path) -> dt.datetime:
    """What nbgrader noted beside the file, else when the file was last changed."""
    try:
        words = (path.parent / TIMESTAMP).read_text().strip().removesuffix("UTC").strip()
        noted = dt.datetime.fromisoformat(words)
        return noted.replace(tzinfo=dt.UTC) if noted.tzinfo is None else noted.astimezone(dt.UTC)
    except (OSError, ValueError, OverflowError):
        return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)


def student_of(path: Path) -> str | None:
    """Whose folder a file lies in, where the folders are nbgrader's: submitted/<student>/<assignment>/<file>."""
    folders = path.absolute().parents
    return folders[1].name if len(folders) > 2 and folders[2].name in NBGRADER_FOLDERS else None
