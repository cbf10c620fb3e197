"""A step that stays on its device trains as one that the host directs, and so does a recording of it.

There is no CUDA device here. A recorder of PyTorch's own calls stands in for the graph: like a CUDA graph, its replay
repeats them on the memory of the recording, without running our Python code again.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision.transforms import Compose, RandomPerspective, ToTensor

from course.capture import capture
from course.errors import Diverged
from course.network import TrainableNetwork
from course.training import optimizers
from course.training.device_step import WARM_UP
from course.training.loop import Run
from course.training.scoring import MAX_LOSS
from tests.support.networks import recipe
from tests.support.small_runs import CPU, DATA, KINDS, Small, spec_of

BY_IMAGE = Compose([RandomPerspective(), ToTensor()])


class CallRecorder(TorchDispatchMode):
    """Records every call, forward and backward, with its arguments and results."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        results = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, results))
        return results

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, results in self.calls:
            replayed = func(*args, **kwargs)
            for old, new in zip(tree_leaves(results), tree_leaves(replayed), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class Recordings(list):
    """Stands in for `cuda_graphs.record_graph`. Recording runs the step too, so the first replay does nothing."""

    def record(self, step, draws):
        with CallRecorder() as recorder:
            step()
        replays = iter([lambda: None])
        self.append(recorder)
        return lambda: next(replays, recorder.replay)()


@pytest.fixture
def recordings(monkeypatch):
    made = Recordings()
    monkeypatch.setattr("course.training.cuda_graphs.record_graph", made.record)
    monkeypatch.setattr("course.training.cuda_graphs.warm_up", lambda step: step())
    return made


@pytest.fixture(autouse=True)
def pytorchs_operators(monkeypatch):
    """The kernels for CPUs are no calls of PyTorch's, which alone are recorded."""
    monkeypatch.setattr(
        "course.training.loop.make_network",
        lambda spec, seed, device: TrainableNetwork(spec.network, seed, device),
    )
    monkeypatch.setattr("course.transforms.geometry._has_kernels", lambda images: False)


@pytest.fixture
def same_optimizer(monkeypatch):
    """Lets the host direct the optimizers that are made for the device: the rest of a step is what is compared."""
    build = optimizers.build_optimizer
    monkeypatch.setattr("course.training.loop.build_optimizer", lambda *args, **_: build(*args, on_device=True))


def trained(kind: str, way: str, *, epochs: int = 5, resume_at: int | None = None):
    """Loss and correct images of each epoch, rates, the weights after the last, and the run."""
    torch.manual_seed(5)
    run = Run(spec_of(kind), DATA, 1, CPU, way=way)
    results, rates = [], []
    for epoch in range(epochs):
        if epoch == resume_at:
            state = run.state_dict()
            run = Run(spec_of(kind), DATA, 1, CPU, way=way)
            run.load_state_dict(state)
        torch.manual_seed(epoch)
        results.append(run.train_epoch())
        rates.append(run.schedule.learning_rate(epoch % 4, (epoch + 1) * run.steps_per_epoch - 1))
        run.schedule.after_epoch(dict.fromkeys(("train_loss", "test_loss", "validation_loss"), results[-1][0]))
        run.epoch = min(run.epoch + 1, run.spec.epochs - 1)
    return results, rates, run.network.state_dict(), run


def assert_same(first, second):
    assert first[:2] == second[:2]
    assert all(torch.equal(first[2][name], tensor) for name, tensor in second[2].items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_on_the_device_trains_as_one_that_the_host_directs(kind, same_optimizer):
    """Bit for bit: batches, dropout's masks, rates, an epoch's smaller last batch."""
    results = trained(kind, "on device")
    assert_same(trained(kind, "by host"), results)
    run = results[-1]
    assert run.device_step is not None and run.train_size % run.spec.batch_size != 0
    assert run.slow_because == ""


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_begins_as_with_pytorchs_own_optimizer(kind):
    ours, theirs = trained(kind, "on device", epochs=1), trained(kind, "by host", epochs=1)
    assert ours[0][0][0] == pytest.approx(theirs[0][0][0], rel=1e-4)
    assert ours[1] == theirs[1]


@pytest.mark.parametrize("kind", KINDS)
def test_replayed_steps_train_the_same_network(kind, recordings):
    computed, replayed = trained(kind, "on device"), trained(kind, "recorded")
    assert_same(computed, replayed)
    assert len(recordings) == 2  # the last batch is smaller


@pytest.mark.parametrize("way", ["on device", "recorded"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_goes_on_where_it_was(kind, way, recordings):
    assert_same(trained(kind, way), trained(kind, way, resume_at=2))


def test_a_step_that_cannot_be_recorded_is_computed_and_told(monkeypatch):
    def refuse(step, draws):
        raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors might be ...")

    monkeypatch.setattr("course.training.cuda_graphs.record_graph", refuse)
    monkeypatch.setattr("course.training.cuda_graphs.warm_up", lambda step: step())
    results = trained("one_cycle", "recorded")
    assert_same(trained("one_cycle", "on device"), results)
    assert results[-1].slow_because == (
        "A step is not recorded as a whole, which makes it slower: recording it failed: operation not permitted when "
        "stream is capturing."
    )


def test_recording_waits_until_libraries_are_initialised(recordings, monkeypatch):
    run = Run(spec_of("momentum"), DATA, 1, CPU, way="recorded")
    run.device_step.begin_epoch(run._shuffled(), 0)
    for step in range(WARM_UP + 1):
        assert len(recordings) == 0, step
        run.device_step(run.spec.batch_size if run.train_size > run.spec.batch_size else run.train_size)
    assert len(recordings) == 1


def test_divergence_is_reported_with_the_rate_of_its_step():
    spec = spec_of("one_cycle")
    run = Run(spec, DATA, 1, CPU, way="on device")
    run.device_step.losses = torch.tensor([1.0, 2.0, float("nan")] + [1.0] * (run.steps_per_epoch - 3))
    with pytest.raises(Diverged) as caught:
        run._mean_loss(run.device_step.losses)
    rates = next(column.values for column in spec.schedule.full_columns() if column.option == "lr")
    assert str(caught.value) == str(Diverged(1, 3, rates[2], MAX_LOSS))


def test_on_a_cpu_the_host_directs_the_steps():
    run = Run(spec_of("momentum"), DATA, 1, CPU)
    assert run.device_step is None and run.slow_because == ""


@pytest.mark.parametrize(
    ("options", "because"),
    [
        ({"train_transform": BY_IMAGE}, "its transforms are computed image by image, on the CPU"),
        ({"optimizer": torch.optim.Adagrad}, "Adagrad counts its steps on the host"),
    ],
)
def test_what_needs_the_host_is_trained_all_the_same_and_told(options, because):
    spec = capture(recipe(Small, epochs=1, batch_size=48, **options))
    run = Run(spec, DATA, 1, CPU, way="recorded")
    assert run.device_step is None
    assert run.slow_because == f"A step is not recorded as a whole, which makes it slower: {because}."
    assert run.train_epoch()[0] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_never_waits_for_the_device(kind):
    """The meta device has no numbers: reading one raises."""
    run = Run(spec_of(kind), DATA, 1, torch.device("meta"))
    for _ in range(2):
        run.device_step(48)
    assert run.device_step.losses.is_meta and run.device_step.correct.is_meta
    with pytest.raises(RuntimeError):
        run.device_step.losses[0].item()
