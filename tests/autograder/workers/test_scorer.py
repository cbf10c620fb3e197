"""The scorer: the score of each line of outputs, in the order in which they come."""

import base64
import io
import sys
from types import SimpleNamespace

import torch

from autograder.workers import scorer
from autograder.workers.messages import Outputs, Scored, ScoreRequest
from course import data
from course.training.scoring import Scorer


def test_each_line_of_outputs_is_answered_with_its_score(monkeypatch):
    files = data.MNIST.files()
    generator = torch.Generator().manual_seed(7)
    outputs = [torch.randn(200, 10, generator=generator) for _ in range(2)]
    lines = [ScoreRequest(data=files, loss="cross_entropy", images=200).line()]
    lines += [Outputs(data=base64.b64encode(part.numpy().tobytes()).decode()).line() for part in outputs]
    stdout = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"".join(lines))))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stdout))
    threads = torch.get_num_threads()
    try:
        scorer.main()
    finally:
        torch.set_num_threads(threads)
    answers = [Scored.model_validate_json(line) for line in stdout.getvalue().splitlines()]
    expected = [Scorer(files.labels("test")[:200], "cross_entropy")(part) for part in outputs]
    assert [(a.loss, a.correct, a.wrong) for a in answers] == [(e.loss, e.correct, e.wrong) for e in expected]
    assert 0 < answers[0].correct < 200
