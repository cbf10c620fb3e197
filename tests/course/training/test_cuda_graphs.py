"""Replayed steps train the same network as computed ones.

There is no CUDA device here. A recorder of PyTorch's own calls stands in for the graph: like a CUDA graph, its replay
repeats them on the memory of the recording, without running our Python code again.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course.errors import GraderError
from course.network import TrainableNetwork
from course.training import cuda_graphs
from course.training.loop import Run
from tests.support.small_runs import CPU, DATA, spec_of


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


def record_graph_on_cpu(run: Run):
    """Stands in for `cuda_graphs.record_graph`: recording computes nothing, so what it changed is restored."""

    def record(compute):
        state, random_state = run.network.state_dict(), torch.get_rng_state()
        with CallRecorder() as recorder:
            results = compute()
        run.network.load_state_dict(state)
        torch.set_rng_state(random_state)
        return recorder.replay, results

    return record


def trained(kind: str, monkeypatch, *, recorded: bool, epochs: int = 3):
    """Loss and correct images of each epoch, the weights after the last, and the run."""
    monkeypatch.setattr("course.training.loop.TrainableNetwork", lambda *args, fast: TrainableNetwork(*args))
    torch.manual_seed(5)
    run = Run(spec_of(kind), DATA, 1, CPU)
    if recorded:
        record = record_graph_on_cpu(run)
        run._compute = cuda_graphs.GraphedStep(run._forward_backward, run.network.parameters.values(), record)
    results = []
    for _ in range(epochs):
        results.append(run.train_epoch())
        run.schedule.after_epoch(dict.fromkeys(("train_loss", "test_loss", "validation_loss"), results[-1][0]))
        run.epoch += 1
    return results, run.network.state_dict(), run


@pytest.mark.parametrize("kind", ["momentum", "adam", "step_by_epoch", "one_cycle", "plateau"])
def test_replayed_steps_train_the_same_network(kind, monkeypatch):
    """Dropout's masks, the schedule's learning rates and an epoch's smaller last batch included."""
    plain_results, plain_weights, _ = trained(kind, monkeypatch, recorded=False)
    results, weights, run = trained(kind, monkeypatch, recorded=True)
    assert results == plain_results
    assert all(torch.equal(weights[name], tensor) for name, tensor in plain_weights.items())
    assert run._compute.recording is not None
    assert run.train_size % run.spec.batch_size != 0


def test_a_network_that_cannot_be_recorded_is_an_internal_error_with_the_next_step():
    with pytest.raises(GraderError, match="without --cuda-graphs"):
        cuda_graphs.record_graph(lambda: None)


def test_without_cuda_nothing_is_recorded():
    run = Run(spec_of("momentum"), DATA, 1, CPU, cuda_graphs=True)
    assert run._compute == run._forward_backward
