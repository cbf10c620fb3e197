"""A recorded step is the step: replayed without our Python, on fixed memory, it trains the same network.

There is no CUDA here. In its place a recorder of PyTorch's own calls stands: its replay, like a CUDA graph's, repeats
them on the memory of the recording, and whatever Python decided meanwhile is frozen.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course.errors import GraderError
from course.network import TrainableNetwork
from course.training import cuda_graphs
from course.training.loop import Run
from tests.course.training.test_loop import CPU, DATA, spec_of


class Calls(TorchDispatchMode):
    """Notes every call, forward and backward, with the tensors that it took and made."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        self.noted.append((func, args, kwargs or {}, made))
        return made

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, made in self.noted:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(made), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def recorder(run: Run):
    """As `cuda_graphs.record_graph`; a recording leaves no trace, so what it computed is undone."""

    def record(compute):
        state, draws = run.network.state(), torch.get_rng_state()
        with Calls() as calls:
            results = compute()
        run.network.load(state)
        torch.set_rng_state(draws)
        return calls.replay, results

    return record


def trained(kind: str, monkeypatch, *, recorded: bool, epochs: int = 3):
    monkeypatch.setattr("course.training.loop.TrainableNetwork", lambda *given, fast: TrainableNetwork(*given))
    torch.manual_seed(5)
    run = Run(spec_of(kind), DATA, 1, CPU)
    if recorded:
        run._compute = cuda_graphs.GraphedStep(run._forward_backward, run.network.parameters.values(), recorder(run))
    results = []
    for _ in range(epochs):
        results.append(run.train_epoch())
        run.schedule.after_epoch(dict.fromkeys(("train_loss", "test_loss", "validation_loss"), results[-1][0]))
        run.epoch += 1
    return results, run.network.state(), run


@pytest.mark.parametrize("kind", ["momentum", "adam", "step_by_epoch", "one_cycle", "plateau"])
def test_replayed_steps_train_the_same_network(kind, monkeypatch):
    """Dropout's masks, the schedule's rates and an epoch's smaller last batch included."""
    plain, expected, _ = trained(kind, monkeypatch, recorded=False)
    replayed, found, run = trained(kind, monkeypatch, recorded=True)
    assert replayed == plain
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert run._compute.recording is not None
    assert run.train_size % run.spec.batch_size != 0


def test_a_network_that_cannot_be_recorded_is_named_as_our_fault():
    with pytest.raises(GraderError, match="without --cuda-graphs"):
        cuda_graphs.record_graph(lambda: None)


def test_without_cuda_nothing_is_recorded():
    run = Run(spec_of("momentum"), DATA, 1, CPU, cuda_graphs=True)
    assert run._compute == run._forward_backward
