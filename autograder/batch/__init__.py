"""A class of submissions, graded several at a time.

    find_submissions -> WorkQueue -> GradingWorker (one per thread or Ray process) -> Outcome -> BatchSummary

`run_batch` does it on this machine, `ray_cluster.run_on_ray` on a cluster. The store holds a batch together: after an
interruption of any process or machine the same command continues, two batches on one store share the work, and a
recipe that several students hand in is trained once.
"""

from autograder.batch.local import ProgressDisplay, run_batch
from autograder.batch.outcome import BatchSummary, Outcome
from autograder.batch.submissions import (
    FoundSubmissions,
    SubmissionFile,
    find_submissions,
    register_submissions,
    select_submissions,
    without_dropped,
)

__all__ = [
    "BatchSummary",
    "FoundSubmissions",
    "Outcome",
    "ProgressDisplay",
    "SubmissionFile",
    "find_submissions",
    "register_submissions",
    "run_batch",
    "select_submissions",
    "without_dropped",
]
