"""Each way trains, alone and several at once, and an epoch is projected from the steps that were timed."""

import pytest
import torch

from autograder.bench.gpu.throughput import (
    EPOCH,
    TimedRun,
    TrainerProcess,
    fast,
    seconds_of_epoch,
    time_alone,
    time_streams,
)
from course import data
from course.errors import GraderError
from tests.support.small_runs import CPU, DATA, spec_of


@pytest.mark.parametrize("way", ["by host", "on device"])
def test_a_timed_run_trains_on_and_on(way):
    timed = TimedRun(spec_of("one_cycle"), DATA, CPU, way)
    before = timed.run.network.state_dict()
    timed.train(20)  # more than an epoch
    after = timed.run.network.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert (timed.run.device_step is not None) == (way == "on device")


def test_channels_last_is_another_layout_of_the_same_weights():
    plain = TimedRun(spec_of("momentum"), DATA, CPU, "on device").run.network.tensors
    other = TimedRun(spec_of("momentum"), DATA, CPU, "on device", channels_last=True).run.network.tensors
    assert any(tensor.dim() == 4 for tensor in other)
    assert [tensor.shape for tensor in plain] == [tensor.shape for tensor in other]


def test_an_epoch_is_projected_from_the_steps(setting):
    trained = []
    results = seconds_of_epoch(setting, trained.append)
    assert trained == [setting.size.steps] * setting.size.rounds
    assert results["seconds of an epoch"]["n"] == setting.size.rounds


def test_every_way_has_a_task_and_the_published_loop_another(setting):
    names = [name for name, _ in fast(setting)]
    assert {"challenge, by host", "challenge, on device", "challenge, published loop"} <= set(names)
    assert {"challenge, 2 processes", "challenge, 2 streams"} <= set(names)


@pytest.mark.slow
def test_runs_alone_and_in_threads_take_time(setting):
    path = setting.solution("challenge")
    alone = time_alone(setting, path, "on device")
    assert alone["seconds of an epoch"]["median"] > 0 and alone["evaluation"] > 0
    assert time_streams(setting, path, "on device", 2)["seconds of an epoch"]["median"] > 0
    assert EPOCH == -(-60_000 // 128)


@pytest.mark.slow
def test_a_process_trains_when_it_is_asked_and_its_end_is_an_error(setting):
    data.ensure()
    request = {
        "spec": spec_of("momentum").to_json(),
        "way": "on device",
        "device": "cpu",
        "images": (200, 60),
        "steps": 2,
    }
    with TrainerProcess(request) as trainer:
        trainer.answer()
        trainer.ask({})
        trainer.answer()
        trainer._process.kill()
        with pytest.raises(GraderError, match="exit code -9"):
            trainer.answer()
