"""Errors are those against float64, and a difference in a bit is found."""

import pytest
import torch

from autograder.bench.gpu import numerics
from autograder.bench.gpu.numerics import (
    compare_transforms,
    compare_with_float64,
    no_wait,
    repeatable,
    right,
    steps_without_waiting,
    train_twice,
    warned_operators,
    without_dropout,
)
from course.network import TrainableNetwork
from tests.support.networks import captured


@pytest.fixture
def challenge(setting):
    return setting.solution("challenge")


def test_float32_is_near_float64_and_no_nearer_than_its_precision(setting, challenge):
    errors = compare_with_float64(setting, challenge)
    assert errors["loss, here"] == errors["loss, on the CPU"]  # here is the CPU
    assert 1e-9 < errors["loss, here"] < 1e-5 and 1e-9 < errors["gradient, here"] < 1e-2


def test_a_wrong_gradient_is_found(setting, challenge, monkeypatch):
    usual = numerics._loss_and_gradients

    def wrong(spec, network, images, labels):
        loss, gradients = usual(spec, network, images, labels)
        return loss, gradients * (1.01 if images.dtype == torch.float32 else 1)

    monkeypatch.setattr(numerics, "_loss_and_gradients", wrong)
    assert compare_with_float64(setting, challenge)["gradient, here"] == pytest.approx(0.01, rel=0.05)


def test_without_dropout_training_is_repeatable():
    spec = without_dropout(captured("functional_dropout_and_view"))
    network = TrainableNetwork(spec.network, 1)
    images = torch.rand(8, 1, 28, 28)
    assert torch.equal(network(images, training=True), network(images, training=True))


def test_transforms_on_one_device_are_equal(setting, challenge):
    assert compare_transforms(setting, challenge) == {"largest difference": 0.0, "differ": 0.0}


@pytest.mark.slow
def test_a_seed_gives_the_same_bits_again(setting, challenge, monkeypatch):
    results = train_twice(setting, challenge)
    assert (results["same results"], results["same after a restart"], results["epochs"]) == (True, True, 2)
    usual, seeds = numerics.train, iter([1, 2, 3])
    monkeypatch.setattr(numerics, "train", lambda *args, seed, **options: usual(*args, seed=next(seeds), **options))
    assert not train_twice(setting, challenge)["same results"]


def test_a_cpu_warns_of_no_operator(setting, challenge):
    assert warned_operators(setting, challenge) == {"warned of": [], "slow because": ""}


def test_a_step_is_run_where_no_number_can_be_read(setting, challenge, monkeypatch):
    assert steps_without_waiting(setting, challenge)["device"] == "meta"

    def read(run):
        return run.network.tensors[0].sum().item()

    monkeypatch.setattr(numerics, "spec_batch", read)
    with pytest.raises(RuntimeError, match="meta"):
        steps_without_waiting(setting, challenge)


def test_every_model_and_example_has_its_tasks(setting):
    names = [*setting.models(), *setting.examples()]
    assert [name for name, _ in right(setting)] == [*names, *(f"transforms of {name}" for name in names)]
    assert [name for name, _ in repeatable(setting)] == [*setting.models(), *(f"operators of {name}" for name in names)]
    assert [name for name, _ in no_wait(setting)] == list(setting.models())
