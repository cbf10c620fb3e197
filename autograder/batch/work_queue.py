"""Which submission is graded next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from autograder.batch.submissions import SubmissionFile
from autograder.store import Store

POLL_SECONDS = 1.0


class WorkQueue:
    """The submissions that are still to be graded; several threads may use it.

    A submission whose run is being trained by another process is deferred until that run is finished. Setting `stop`
    empties the queue for everybody.
    """

    def __init__(self, submissions: Iterable[SubmissionFile], store: Store):
        self.stop = threading.Event()
        self._waiting = deque(submissions)
        self._deferred: deque[tuple[SubmissionFile, int]] = deque()  # with the run that each waits for
        self._store = store
        self._lock = threading.Lock()

    def next(self, wait: bool = True) -> SubmissionFile | None:
        """The next submission that can be graded; None if none is left or `stop` is set.

        If all that are left are deferred, this waits for one of them, or with `wait=False` returns None.
        """
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
        """Put a submission back until run `run_id`, which another process trains, is finished."""
        with self._lock:
            self._deferred.append((submission, run_id))
