"""The trainer: its state survives the way, progress is reported, and a run that takes too long is refused early."""

import base64
import io
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from autograder.workers import trainer
from autograder.workers.messages import (
    EpochFinished,
    Outputs,
    Progress,
    RunStarted,
    Scored,
    TrainingFailed,
    TrainRequest,
    parse_trainer_message,
)
from autograder.workers.trainer import MEASURED_STEPS, WARM_UP_STEPS, ProgressReporter, decode_state, encode_state
from course import data
from course.errors import RecipeError
from course.training import initial_accuracy
from course.training.results import TrainingStep


def test_a_state_survives_the_way():
    state = {"epoch": 2, "network": {"weight": torch.arange(3.0)}}
    decoded = decode_state(encode_state(state))
    assert decoded is not None and decoded["epoch"] == 2
    assert torch.equal(decoded["network"]["weight"], torch.arange(3.0))


@pytest.mark.parametrize("text", ["", "AAAA", "no base64!", base64.b64encode(b"cos\nsystem\n(S'true'\ntR.").decode()])
def test_a_damaged_state_means_to_start_from_the_beginning_and_runs_nothing(text):
    assert decode_state(text) is None


# --- progress


def step(number: int, steps: int = 100) -> TrainingStep:
    return TrainingStep(1, number, steps, 0, torch.zeros(steps), torch.zeros(()))


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(trainer, "_send", messages.append)
    return messages


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves, for the trainer alone."""
    clock = SimpleNamespace(now=1000.0, computed=10.0)
    times = SimpleNamespace(monotonic=lambda: clock.now, process_time=lambda: clock.computed)
    monkeypatch.setattr(trainer, "time", times)
    return clock


def test_progress_is_reported_from_time_to_time_and_at_the_end_of_an_epoch(sent, clock):
    report = ProgressReporter(epochs=3, max_seconds=1e9)
    for number in range(1, 101):
        clock.now += 0.1
        report(step(number))
    steps = [message.step for message in sent]
    assert steps[0] == 1 and steps[-1] == 100 and 15 < len(steps) < 25
    assert all(isinstance(message, Progress) and message.steps == 100 for message in sent)


def test_a_run_is_projected_from_the_steps_after_the_warm_up(sent, clock):
    def train(seconds_per_step: float, max_seconds: float) -> None:
        report = ProgressReporter(epochs=3, max_seconds=max_seconds)
        for number in range(1, WARM_UP_STEPS + MEASURED_STEPS + 1):
            clock.now += 60.0 if number <= WARM_UP_STEPS else seconds_per_step
            report(step(number))

    train(1.0, max_seconds=300.5)  # 3 epochs of 100 steps
    with pytest.raises(RecipeError, match=r"about 5 minutes, as 20 steps show, and 4 are allowed"):
        train(1.0, max_seconds=240.0)


def test_a_run_whose_steps_become_slow_ends(sent, clock):
    report = ProgressReporter(epochs=3, max_seconds=300.0, threads=2)
    for number in range(1, 100):
        clock.now += 50.0 if number > WARM_UP_STEPS + MEASURED_STEPS else 1.0  # a busy machine: much waiting
        clock.computed += 15.0 if number > WARM_UP_STEPS + MEASURED_STEPS else 1.0
        report(step(number))
    with pytest.raises(RecipeError, match="more than 2 times the 5 minutes that are allowed: its steps became slower"):
        for number in range(100, 110):
            clock.computed += 15.0
            report(step(number))


# --- the whole conversation, in this process


def converse(monkeypatch, request: TrainRequest, scores: list[Scored]):
    stdout = io.BytesIO()
    lines = b"".join(message.line() for message in (request, *scores))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stdout))
    monkeypatch.setattr(trainer.os, "_exit", lambda code: None)
    trainer.main()
    messages = [parse_trainer_message(line) for line in stdout.getvalue().splitlines()]
    return [message for message in messages if not isinstance(message, Progress)]


def request_for(spec_to_train, **changes) -> TrainRequest:
    return TrainRequest(
        **{
            "spec": spec_to_train.to_json(),
            "seed": 7,
            "device": "cpu",
            "threads": 1,
            "data": data.MNIST.files(),
            "train_size": 60_000,
            "images": (300, 100),
            "max_seconds": 1e6,
        }
        | changes
    )


SCORES = [Scored(loss=0.5, correct=90 + n) for n in range(3)]


def test_a_training_asks_for_a_score_in_each_epoch_and_goes_on_from_any_of_its_states(monkeypatch, spec):
    started, *rest = converse(monkeypatch, request_for(spec), SCORES)
    assert isinstance(started, RunStarted) and (started.device, started.resumed) == ("cpu", 0)
    assert [type(message) for message in rest] == [Outputs, EpochFinished] * 3
    assert len(rest[0].raw()) == 100 * 10 * 4
    results = [message.result for message in rest[1::2]]
    assert [(r.epoch, r.correct, r.train_total, r.test_total) for r in results] == [
        (1, 90, 300, 100),
        (2, 91, 300, 100),
        (3, 92, 300, 100),
    ]
    resumed, *rest = converse(monkeypatch, request_for(spec, state=rest[1].state), SCORES[1:])
    assert resumed.resumed == 1
    assert [message.result for message in rest[1::2]] == results[1:]


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"data": replace(data.MNIST.files(), folder=Path("/nowhere"))}, "internal", "Training stopped"),
        ({"device": "gpu"}, "internal", "not known"),
        ({"spec": "{}"}, "refused", "spec"),
    ],
)
def test_whatever_stops_a_training_is_said_in_a_message(monkeypatch, spec, change, kind, text):
    *_, failed = converse(monkeypatch, request_for(spec, **change), [])
    assert isinstance(failed, TrainingFailed) and failed.kind == kind and text in failed.text


def test_a_network_that_knows_digits_before_it_is_trained_is_refused_at_the_start_and_not_when_resumed(
    monkeypatch, spec
):
    _, *rest = converse(monkeypatch, request_for(spec, images=(500, 100)), SCORES)
    monkeypatch.setattr(initial_accuracy, "MAX_INITIAL_ACCURACY", 0.01)
    _, failed = converse(monkeypatch, request_for(spec, images=(500, 100)), SCORES)
    assert isinstance(failed, TrainingFailed) and failed.kind == "refused"
    assert failed.text.startswith("Before any training the network's outputs tell ")
    resumed, *again = converse(monkeypatch, request_for(spec, images=(500, 100), state=rest[1].state), SCORES[1:])
    assert resumed.resumed == 1
    assert [message.result for message in again[1::2]] == [message.result for message in rest[3::2]]
