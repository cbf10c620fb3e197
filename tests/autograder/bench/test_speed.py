"""Projections, queues and speed-ups; and a loop that runs in a process of its own."""

import pytest

from autograder.bench.speed import EpochTimes, LoopProcess, Size, _measure_queue, project_epoch, start_loops
from tests.support.classroom import LEARNS

SIZE = Size(rounds=1, steps=67, images=1_000)


class FakeProcess:
    """Takes one second for its training steps, and counts its rounds."""

    rounds = 0

    def start_round(self, size, threads=1):
        self.rounds += 1

    def read_times(self):
        return {"training": 1.0, "evaluation": 0.5}


def test_an_epoch_is_projected_from_its_steps_and_its_test_images():
    assert project_epoch({"training": 1.0, "evaluation": 0.5}, SIZE) == pytest.approx(469 / 67 + 5)


@pytest.mark.parametrize(("cores", "count", "turns"), [(2, 2, 1), (2, 4, 2), (2, 3, 2), (4, 2, 1)])
def test_a_queue_has_one_submission_on_each_core_at_a_time(cores, count, turns):
    processes = [FakeProcess() for _ in range(cores)]
    assert _measure_queue(processes, count, SIZE) == pytest.approx(turns * 12)
    assert sum(process.rounds for process in processes) == count


def test_a_queue_is_compared_with_the_published_loop_run_as_often():
    epochs = EpochTimes(published=[10.0, 12.0], ours=[5.0, 4.0], on_one_core=[10.0, 6.0], queues={4: [8.0, 6.0]})
    assert epochs.speedups() == {"one alone": [2.0, 3.0], "on one core": [1.0, 2.0], "queue of 4": [5.0, 8.0]}


@pytest.mark.slow
def test_a_loop_answers_with_its_times_and_one_that_ended_is_named_with_its_last_line(tmp_path):
    path = tmp_path / "recipe.py"
    path.write_text(LEARNS)
    with start_loops(path, cores=1) as (published, (ours,)):
        for process in (published, ours):
            process.start_round(Size(steps=2, images=50))
            assert process.read_times()["training"] > 0
    broken = LoopProcess("ours", tmp_path / "missing.py")
    with pytest.raises(RuntimeError, match=r"ended with exit code 1\. Last line of stderr: .*There is no file"):
        broken.wait_until_ready()
    broken.close()
