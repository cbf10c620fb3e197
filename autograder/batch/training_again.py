"""Attempts of the store, graded in full by the rules and software of now: each verdict is handed over, not recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.batch.local import ProgressDisplay, run_batch
from autograder.batch.outcome import BatchSummary
from autograder.batch.submissions import SubmissionFile
from autograder.grading.attempts import TIMESTAMP
from autograder.grading.options import Options
from autograder.grading.rejudge import Trained
from autograder.store import GradedAttempt, Regrade, Store
from autograder.store.records import Result


def train_attempts(
    attempts: Sequence[GradedAttempt],
    options: Options,
    store: Store,
    display: ProgressDisplay,
    *,
    jobs: int | None = None,
    regrade: Regrade | None = None,
) -> tuple[Trained, BatchSummary]:
    """The verdicts of `attempts` from their stored recipes. Runs are kept as they come, so this can be interrupted.

    `regrade` trains again what is stored. An attempt without a stored recipe, or with a fault of ours, gets none.
    Raises StoreError, UsageError, GraderError, KeyboardInterrupt.
    """
    trained: dict[int, tuple[Result, tuple[int, ...]]] = {}
    with tempfile.TemporaryDirectory(prefix="under8k") as folder:
        of_file: dict[Path, GradedAttempt] = {}
        submissions = []
        for attempt in attempts:
            if source := store.overview.source(attempt.attempt_id):
                submissions.append(_write(Path(folder, str(attempt.attempt_id)), source, attempt))
                of_file[submissions[-1].path] = attempt

        def keep(submission: SubmissionFile, result: Result, run_ids: tuple[int, ...]) -> None:
            attempt = of_file[submission.path]
            trained[attempt.attempt_id] = replace(result, submission=attempt.result.submission), run_ids

        summary = BatchSummary()
        if submissions:
            summary = run_batch(submissions, options, store, display, jobs=jobs, regrade=regrade, propose=keep)
    return trained, summary


def _write(folder: Path, source: str, attempt: GradedAttempt) -> SubmissionFile:
    """The recipe as it was handed in, with its time: the store knows it as this attempt."""
    folder.mkdir()
    (folder / TIMESTAMP).write_text(attempt.handed_in.isoformat())
    path = folder / "recipe.py"
    path.write_bytes(source.encode())
    return SubmissionFile(path, attempt.handed_in_as, attempt.assignment)
