"""Scores the outputs of a network in training. It is the only process that has the test labels then."""

from __future__ import annotations

import sys

import torch

from autograder.workers.messages import MAX_LINE, Outputs, Scored, ScoreRequest
from course.training.scoring import Scorer


def main() -> None:
    torch.set_num_threads(1)
    lines = sys.stdin.buffer
    request = ScoreRequest.model_validate_json(lines.readline(MAX_LINE))
    labels = request.data.labels("test")[: request.images]
    scorer = Scorer(labels, request.loss)
    while line := lines.readline(MAX_LINE):
        raw = bytearray(Outputs.model_validate_json(line).raw())
        score = scorer(torch.frombuffer(raw, dtype=torch.float32).reshape(-1, 10))
        sys.stdout.buffer.write(Scored(loss=score.loss, correct=score.correct, wrong=score.wrong).line())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
