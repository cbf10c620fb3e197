"""Which submission is graded next."""

from types import SimpleNamespace

import pytest

from autograder.batch.submissions import SubmissionFile
from autograder.batch.work_queue import WorkQueue


@pytest.fixture
def claims():
    """Of a store in which another process trains every run, until `busy` is False."""

    class Claims:
        busy = True

        def is_busy(self, run_id):
            return self.busy

    return Claims()


@pytest.fixture
def submissions(tmp_path):
    return [SubmissionFile(tmp_path / name, name, "challenge") for name in ("a.py", "b.py")]


@pytest.fixture
def queue(claims, submissions):
    return WorkQueue(submissions, SimpleNamespace(claims=claims))


def test_what_another_process_trains_is_deferred_and_nothing_else_waits(queue, claims, submissions):
    first, second = submissions
    assert queue.next() == first
    queue.defer(first, 1)
    assert queue.next() == second
    assert queue.next(wait=False) is None
    claims.busy = False
    assert (queue.next(), queue.next()) == (first, None)


def test_a_stopped_queue_hands_out_nothing(queue, submissions):
    queue.defer(submissions[0], 1)
    queue.stop.set()
    assert queue.next() is None
