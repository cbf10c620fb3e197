"""A solution is graded by the grader's own processes, and ends in time."""

import pytest

from autograder.bench.gpu.grading import StopWatch, grade_solution, graded
from autograder.bench.gpu.stages import OutOfTime
from autograder.workers.messages import Progress
from course import data


def test_the_challenge_comes_first(setting):
    assert next(name for name, _ in graded(setting)) == "challenge" and len(graded(setting)) == 5


@pytest.mark.slow
@pytest.mark.training
def test_a_verdict_comes_with_its_seconds(setting):
    data.ensure()
    results = grade_solution(setting, "challenge")
    assert results["verdict"] in ("pass", "fail") and "not official" in " ".join(results["reasons"])
    (training,), (run,) = results["of it after the start of its process"], results["seconds of each run"]
    assert 0 < training < run < results["seconds"]


def test_a_grading_that_is_out_of_time_ends_without_a_result(setting):
    setting.deadline = 0.0
    with pytest.raises(OutOfTime, match="in epoch 2"):
        StopWatch(setting).progress(Progress(epoch=2, step=1, steps=9))
