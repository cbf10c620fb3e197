"""Grades one submission after another, so that one bad submission, or one bug, never stops a class."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Self

from autograder.batch.outcome import Outcome
from autograder.batch.submissions import UNREADABLE_FILE_ERRORS, SubmissionFile
from autograder.grading.attempts import register
from autograder.grading.options import Options
from autograder.grading.pipeline import grade
from autograder.grading.recipe_sandbox import RecipeSandbox
from autograder.grading.recorder import TrainedElsewhere
from autograder.grading.training_run import Interruption, Listener
from autograder.store import Regrade, Store, StoreError
from autograder.store.records import Result
from autograder.workers.client import WorkerPool
from course.errors import CourseError

Propose = Callable[[SubmissionFile, Result, tuple[int, ...]], None]


class BatchStopped(Interruption):
    """The batch was told to stop. A listener raises it, so that a run stops between two events and never within one."""


class GradingWorker:
    """Grades in warm processes of its own. A context manager, for one thread.

    With `propose`, verdicts are handed over to it, with their runs, and not recorded.
    """

    def __init__(self, options: Options, store: Store, recipe_sandbox: RecipeSandbox, propose: Propose | None = None):
        self._options, self._store, self._recipe_sandbox, self._propose = options, store, recipe_sandbox, propose
        self._processes = WorkerPool(warm=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.__exit__()

    def grade(self, submission: SubmissionFile, listener: Listener, regrade: Regrade | None = None) -> Outcome:
        """Grade one submission.

        Raises TrainedElsewhere, StoreError and BatchStopped. Every other error becomes an outcome.
        """
        start = time.monotonic()
        try:
            result = self._grade(submission, listener, regrade)
        except (TrainedElsewhere, StoreError, BatchStopped):
            raise
        except CourseError as error:
            return self._internal_error(submission, str(error))
        except Exception as error:  # a bug that one submission meets must not stop a class
            reason = f"{type(error).__name__}: {error}. To see where, grade this submission alone with --no-store."
            return self._internal_error(submission, reason)
        return Outcome.from_result(submission, result, round(time.monotonic() - start, 1))

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
            workers=self._processes,
            reuse_verdict=True,
            propose=partial(self._propose, submission) if self._propose else None,
        )

    def _internal_error(self, submission: SubmissionFile, reason: str) -> Outcome:
        if self._propose is not None:
            return Outcome.internal_error(submission, reason)
        with contextlib.suppress(*UNREADABLE_FILE_ERRORS):
            attempt_id = register(self._store, submission.path, submission.student, submission.assignment)
            self._store.results.mark_internal_error(attempt_id, reason)
        return Outcome.internal_error(submission, reason)
