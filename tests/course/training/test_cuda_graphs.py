"""What is recorded is the step that was given, with its draws; PyTorch's graphs themselves are stood in for."""

import contextlib

import pytest
import torch

from course.training import cuda_graphs


class Graph:
    """Notes what it is asked for."""

    def __init__(self):
        self.events = []

    def register_generator_state(self, generator):
        self.events.append(generator)

    def replay(self):
        self.events.append("replayed")


@pytest.fixture
def graph(monkeypatch):
    graph = Graph()

    @contextlib.contextmanager
    def recording(given, capture_error_mode):
        assert given is graph
        graph.events.append(f"recording, errors of the {capture_error_mode}")
        yield
        graph.events.append("recorded")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    return graph


def test_draws_are_registered_before_the_step_is_recorded_once(graph):
    draws = torch.Generator()
    replay = cuda_graphs.record_graph(lambda: graph.events.append("step"), draws)
    replay()
    replay()
    start = [draws, "recording, errors of the thread_local", "step", "recorded"]
    assert graph.events == [*start, "replayed", "replayed"]


def test_what_a_step_raises_while_it_is_recorded_is_passed_on(graph):
    with pytest.raises(RuntimeError, match="capturing"):
        cuda_graphs.record_graph(lambda: torch.Generator("capturing"), None)


@pytest.mark.cuda
def test_a_replay_continues_the_draws_as_computing_does():
    draws = torch.Generator("cuda")
    out = torch.zeros(1000, device="cuda")

    def step():
        out.copy_(torch.rand(1000, generator=draws, device="cuda"))

    def drawn(act):
        act()
        return out.clone()

    draws.manual_seed(1)
    cuda_graphs.warm_up(step)
    computed = [out.clone(), drawn(step), drawn(step)]
    draws.manual_seed(1)
    replay = cuda_graphs.record_graph(step, draws)
    assert all(torch.equal(drawn(replay), expected) for expected in computed)
