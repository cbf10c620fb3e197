"""The training loop: the same as a plain one, the same after a restart, and without side effects."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course import transforms
from course.capture import capture
from course.errors import Diverged, OutputsNotFinite, SpecError
from course.network import TrainableNetwork
from course.spec import Spec
from course.training.loop import Run, derive_seed, train
from course.training.results import EpochResult
from course.training.scoring import LOSSES, Scorer
from tests.support.kernels import kernel_dropout
from tests.support.networks import SEED_MODELS, captured, recipe
from tests.support.small_runs import BATCH_SIZE, CPU, DATA, EPOCHS, KINDS, TEST, TRAIN, Small, spec_of


def fit(spec: Spec, seed: int = 1, **options) -> tuple[list[EpochResult], dict]:
    """All results, and the weights after the last epoch."""
    runs: list[Run] = []
    options.setdefault("on_epoch", lambda run, _: runs.append(run))
    score = Scorer(TEST[1], spec.loss)
    results = list(train(spec, DATA, seed=seed, device=CPU, score=score, **options))
    return results, runs[-1].state_dict()["network"] if runs else {}


def through_a_file(state: dict) -> dict:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def same_weights(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


# ---- the same numbers


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_loop_gives_the_same_losses_and_counts(kind, monkeypatch):
    spec = spec_of(kind)
    monkeypatch.setattr(F, "dropout", kernel_dropout)  # the same masks
    results, _ = fit(spec)
    for result, (loss, correct) in zip(results, plain_loop(kind, spec), strict=True):
        assert result.train_loss == pytest.approx(loss, rel=1e-5, abs=1e-5)
        assert result.correct == correct
    assert results[-1].train_loss < results[0].train_loss


def plain_loop(kind: str, spec: Spec, seed: int = 1) -> Iterator[tuple[float, int]]:
    """Mean loss and correct test images of each epoch, with the student's own objects and the run's random numbers."""
    given = recipe(Small, **KINDS[kind])
    torch.manual_seed(seed)
    model = Small()
    optimizer = given.optimizer(model.named_parameters())
    scheduler = given.scheduler(optimizer) if given.scheduler else None
    train_transform, test_transform = (
        transforms.build(spec.train_transform, CPU),
        transforms.build(spec.test_transform, CPU),
    )
    tested = model
    if given.average:
        averaging = get_ema_multi_avg_fn(given.average_decay)
        tested = AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
    held_out = 50 if kind == "plateau" else 0
    images, labels = TRAIN[0][held_out:], TRAIN[1][held_out:]
    for epoch in range(EPOCHS):
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(derive_seed(seed, epoch, "order")))
        draws = torch.Generator().manual_seed(derive_seed(seed, epoch, "transform"))
        torch.manual_seed(derive_seed(seed, epoch, "network"))
        model.train()
        total = 0.0
        for batch in order.split(BATCH_SIZE):
            optimizer.zero_grad()
            outputs = model(train_transform(images[batch], draws))
            loss = F.cross_entropy(outputs, labels[batch], label_smoothing=given.label_smoothing)
            loss.backward()
            if given.clip_norm:
                nn.utils.clip_grad_norm_(model.parameters(), given.clip_norm)
            optimizer.step()
            if given.average:
                tested.update_parameters(model)
            total += loss.item() * len(batch)
            if kind == "one_cycle":
                scheduler.step()
        tested.eval()
        with torch.no_grad():
            correct = (tested(test_transform(TEST[0])).argmax(1) == TEST[1]).sum().item()
            validation_loss = F.nll_loss(tested(test_transform(TRAIN[0][:50])), TRAIN[1][:50]).item()
        if kind == "plateau":
            scheduler.step(validation_loss)
        elif kind == "step_by_epoch":
            scheduler.step()
        yield total / len(images), correct


def test_the_same_seed_trains_the_same_and_another_seed_does_not():
    (first, weights), (again, weights_again) = fit(spec_of("adam")), fit(spec_of("adam"))
    assert first == again and same_weights(weights, weights_again)
    other, other_weights = fit(spec_of("adam"), seed=2)
    assert other != first and not same_weights(weights, other_weights)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(stop=st.integers(1, EPOCHS - 1), seed=st.integers(0, 3))
def test_a_resumed_run_ends_as_an_uninterrupted_one(kind, stop, seed):
    spec = spec_of(kind)
    whole, weights = fit(spec, seed)
    checkpoints: list[dict] = []

    def save(run: Run, _: EpochResult) -> None:
        checkpoints.append(through_a_file(run.state_dict()))

    start = train(spec, DATA, seed=seed, device=CPU, score=Scorer(TEST[1], spec.loss), on_epoch=save)
    before = list(islice(start, stop))
    start.close()
    after, resumed_weights = fit(spec, seed, resume=checkpoints[-1])
    assert before + after == whole
    assert same_weights(resumed_weights, weights)


def test_what_is_tested_and_kept_for_the_notebook_is_the_average_and_training_goes_on_without_it():
    runs: list[Run] = []
    fit(spec_of("averaged"), on_epoch=lambda run, _: runs.append(run))
    run = runs[-1]
    own, tested = run.network.state_dict(), run.tested_weights()
    assert same_weights(run.network.state_dict(), own)
    assert {name for name in own if not torch.equal(own[name], tested[name])} == own.keys()  # running statistics too
    outputs = run.test_outputs()
    run.network.load_state_dict(tested)
    with torch.no_grad():
        assert torch.equal(run.network(run.test_images, training=False), outputs)


def test_without_averaging_the_last_weights_are_tested():
    run = Run(spec_of("momentum"), DATA, 1, CPU)
    assert same_weights(run.tested_weights(), run.network.state_dict()) and "average" not in run.state_dict()


def test_the_loss_that_a_plateau_watches_is_without_smoothing():
    spec = spec_of("plateau")
    losses = [
        Run(given, DATA, 1, CPU).validation_loss() for given in (spec, spec.model_copy(update={"label_smoothing": 0.5}))
    ]
    assert losses[0] == losses[1]


def test_the_reported_learning_rate_is_that_of_the_epochs_last_step():
    results, _ = fit(spec_of("step_by_epoch"))
    assert [r.learning_rate for r in results] == [0.05, 0.025, 0.0125, 0.00625]


def test_a_plateau_lowers_the_rate_and_holds_training_images_out():
    results, _ = fit(spec_of("plateau"))
    assert results[-1].learning_rate < 0.05
    assert {r.train_total for r in results} == {150}


def test_every_step_and_every_image_is_reported_once():
    steps = []
    results, _ = fit(
        spec_of("momentum"), on_step=lambda s: steps.append((s.epoch, s.step, s.steps, s.images, s.loss, s.correct))
    )
    assert [s[:4] for s in steps[:5]] == [(1, i, 5, min(48 * i, 200)) for i in range(1, 6)]
    assert len(steps) == 5 * EPOCHS
    assert steps[4][5] == results[0].train_correct
    assert sum(s[4] * n for s, n in zip(steps[:5], (48, 48, 48, 48, 8), strict=True)) / 200 == pytest.approx(
        results[0].train_loss
    )


def test_the_test_images_are_not_changed_by_a_network_that_writes_into_its_input():
    spec = captured("writes_into_its_input")
    run = Run(spec, DATA, 1, CPU)
    first = run.test_outputs()
    assert torch.equal(first, run.test_outputs())


# ---- what goes wrong


def test_divergence_is_reported_with_epoch_step_and_learning_rate():
    class Bare(nn.Module):  # no normalisation
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(784, 16), nn.Linear(16, 10)

        def forward(self, x):
            return F.log_softmax(self.second(self.first(x.flatten(1)) ** 2), 1)

    spec = capture(recipe(Bare, optimizer=partial(SGD, lr=1e6), batch_size=BATCH_SIZE))
    with pytest.raises(Diverged) as caught:
        fit(spec)
    error = caught.value
    assert (error.epoch, error.learning_rate) == (1, 1e6) and 2 <= error.step <= 5
    assert f"in epoch 1, step {error.step}, at learning rate 1e+06" in str(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_without_an_answer_for_the_test_images_ends_the_run_with_a_sentence(value):
    run = Run(spec_of("momentum"), DATA, 1, CPU)
    with torch.no_grad():
        run.network.parameters["fc.weight"].fill_(value)
    images = len(DATA.test_images)
    with pytest.raises(OutputsNotFinite, match=f"In epoch 1 the network's outputs for {images} of {images} test"):
        run.test_outputs()


def test_a_few_images_without_an_answer_do_not_end_the_run(monkeypatch):
    run = Run(spec_of("momentum"), DATA, 1, CPU)
    outputs = run.test_outputs()
    outputs[: len(outputs) // 2] = float("nan")
    monkeypatch.setattr(run, "outputs", lambda images: outputs)
    score = Scorer(TEST[1], "nll")(run.test_outputs())
    assert np.isfinite(score.loss) and score.correct <= len(outputs) - len(outputs) // 2


def test_a_random_test_transform_is_refused():
    spec = spec_of("adam")
    with pytest.raises(SpecError, match="draws something at random"):
        Run(spec.model_copy(update={"test_transform": spec.train_transform}), DATA, 1, CPU)


def test_a_schedule_that_is_shorter_than_the_run_is_refused():
    spec = spec_of("step_by_epoch")
    with pytest.raises(SpecError, match="4 values, and the run has 5 epochs"):
        Run(spec.model_copy(update={"epochs": 5}), DATA, 1, CPU)


# ---- no side effects


def test_training_leaves_the_callers_settings_and_random_states_alone():
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(2)
    try:
        before = settings_now(), random_states()
        inside = []
        for _ in train(
            spec_of("adam"),
            DATA,
            seed=1,
            device=CPU,
            threads=1,
            score=Scorer(TEST[1], "nll"),
            on_step=lambda step: inside.append(settings_now()),
        ):
            assert (settings_now(), random_states()) == before
        assert {now[:2] for now in inside} == {(1, False)}
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(1)


def settings_now() -> tuple:
    return (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def random_states() -> tuple:
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())


def test_the_callers_random_numbers_do_not_matter():
    torch.manual_seed(1)
    first, _ = fit(spec_of("adam"))
    torch.manual_seed(2)
    again, _ = fit(spec_of("adam"))
    assert first == again


# ---- other devices, without having one


@pytest.mark.parametrize("kind", ["momentum", "adam"])
@pytest.mark.parametrize("name", SEED_MODELS)
def test_a_step_never_waits_for_the_device(name, kind):
    """The meta device has no numbers: reading one raises."""
    spec = on_augmented(name, kind)
    run = Run(spec, DATA, 1, torch.device("meta"))
    for _ in range(2):
        loss, correct = run.train_step(torch.zeros(128, dtype=torch.int64, device="meta"), None)
    assert loss.is_meta and correct.is_meta
    with pytest.raises(RuntimeError):
        loss.item()


@pytest.mark.parametrize("name", SEED_MODELS)
def test_everything_a_step_reads_is_on_the_device(name):
    """Fake tensors know only their device: an operation on tensors of two devices raises."""
    cuda = torch.device("cuda")
    spec = on_augmented(name, "momentum")
    transform = transforms.build(spec.train_transform, cuda)
    with FakeTensorMode():
        network = TrainableNetwork(spec.network, 1, cuda)
        images = transform(torch.zeros(128, 28, 28, dtype=torch.uint8))
        for training in (True, False):
            outputs = network(images, training=training)
            loss = LOSSES[spec.loss](outputs, torch.zeros(128, dtype=torch.int64, device=cuda))
            assert (outputs.device.type, loss.device.type) == ("cuda", "cuda")
        assert all(t.device.type == "cuda" for t in network.tensors)
        with pytest.raises(RuntimeError, match="device"):
            outputs + torch.zeros(10)


def test_tensors_created_in_forward_are_on_the_device():
    spec = captured("positions_as_channels")
    with FakeTensorMode():
        network = TrainableNetwork(spec.network, 1, "cuda")
        assert network(torch.zeros(4, 1, 28, 28, device="cuda"), training=True).device.type == "cuda"


def on_augmented(name: str, kind: str) -> Spec:
    """A seed model's network with the optimizer and the random transforms of `kind`."""
    other, network = spec_of(kind), captured(name).network
    names = tuple(t.name for t in network.tensors if t.requires_grad)
    groups = tuple(g.model_copy(update={"params": names}) for g in other.optimizer.groups)
    optimizer = other.optimizer.model_copy(update={"groups": groups})
    return other.model_copy(update={"network": network, "optimizer": optimizer})
