"""The supervisor's end of the workers: messages in both directions, a death that is noticed, nothing left behind."""

import base64
import os

import pytest
import torch

from autograder.sandbox import Tier, tier_problem
from autograder.workers import client
from autograder.workers.client import Worker, WorkerPool
from autograder.workers.messages import Outputs, Progress, Scored, ScoreRequest
from course import data
from course.errors import GraderError
from course.training.scoring import Scorer


class PipedProcess:
    """A worker without a process: the test holds the other ends of its pipes."""

    def __init__(self, code: int | None = 0):
        (stdin_read, stdin_write), (stdout_read, stdout_write), (stderr_read, stderr_write) = (
            os.pipe(),
            os.pipe(),
            os.pipe(),
        )
        self.stdin = os.fdopen(stdin_write, "wb", buffering=0)
        self.stdout = os.fdopen(stdout_read, "rb", buffering=0)
        self.stderr = os.fdopen(stderr_read, "rb", buffering=0)
        self.received = os.fdopen(stdin_read, "rb")
        self.out = os.fdopen(stdout_write, "wb", buffering=0)
        self.err = os.fdopen(stderr_write, "wb", buffering=0)
        self.code = code

    def end(self):
        for pipe in (self.received, self.out, self.err):
            pipe.close()

    kill = end

    def wait(self, seconds):
        return self.code


def test_messages_pass_line_by_line_and_an_empty_line_is_the_end():
    process = PipedProcess()
    with Worker("trainer", process) as worker:
        worker.send(Progress(epoch=1, step=2, steps=3))
        assert process.received.readline() == Progress(epoch=1, step=2, steps=3).line()
        process.out.write(b"one\ntw")
        process.out.write(b"o\n")
        assert [worker.receive(), worker.receive()] == [b"one\n", b"two\n"]
        process.end()
        assert worker.receive() == b""


def test_a_worker_that_dies_is_named_with_its_exit_code_and_what_it_printed_last():
    process = PipedProcess(code=-9)
    with Worker("scorer", process) as worker:
        process.err.write(b"Traceback:\nMemoryError: no room\n")
        process.end()
        with pytest.raises(GraderError, match=r"The scorer died \(exit code -9\).*MemoryError: no room"):
            worker.receive()
        with pytest.raises(GraderError, match="The scorer died"):
            worker.send(Progress(epoch=1, step=2, steps=3))


def test_a_worker_that_falls_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(client, "RESPONSE_TIMEOUT", 0.05)
    with Worker("trainer", PipedProcess()) as worker, pytest.raises(GraderError, match="sent no message for"):
        worker.receive()


def test_a_worker_that_sends_more_than_anybody_reads_is_ended_all_the_same():
    process = PipedProcess()
    with Worker("trainer", process):
        process.out.write(b"x\n" * 200)  # more lines than the queue holds


@pytest.fixture(scope="module")
def warm_pool():
    with WorkerPool(warm=True) as pool:
        yield pool


@pytest.mark.parametrize("way", ["spawned", "sandboxed", "warm"])
def test_a_scorer_answers_in_whichever_way_it_was_started(way, warm_pool):
    sandboxed = way != "spawned"
    if sandboxed and (reason := tier_problem(Tier.BUBBLEWRAP)):
        pytest.skip(reason)
    files = data.MNIST.files()
    labels = files.path("t10k-labels-idx1-ubyte")
    outputs = torch.randn(50, 10, generator=torch.Generator().manual_seed(1))
    pool = warm_pool if way == "warm" else WorkerPool()
    with pool.start("scorer", sandboxed=sandboxed, readable=[labels]) as scorer:
        scorer.send(ScoreRequest(data=files, loss="nll", images=50))
        for _ in range(2):
            scorer.send(Outputs(data=base64.b64encode(outputs.numpy().tobytes()).decode()))
            answer = Scored.model_validate_json(scorer.receive())
    expected = Scorer(files.labels("test")[:50], "nll")(outputs)
    assert (answer.loss, answer.correct, answer.wrong) == (expected.loss, expected.correct, expected.wrong)


def test_a_worker_that_gets_nonsense_dies_and_says_what_it_was():
    with WorkerPool().start("scorer", sandboxed=False) as scorer:
        scorer.send(Progress(epoch=1, step=2, steps=3))
        with pytest.raises(GraderError, match="The scorer died"):
            scorer.receive()
