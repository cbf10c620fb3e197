"""Records a training step as a CUDA graph, which repeats all its launches in one."""

from __future__ import annotations

from collections.abc import Callable

import torch


def record_graph(step: Callable[[], None], draws: torch.Generator | None) -> Callable[[], None]:
    """Record the kernels that `step` launches, without running them; calling the result runs them.

    Each replay continues the stream of `draws`, and of PyTorch's own generator. Raises RuntimeError where a step copies
    to or from the host, or waits for the device.
    """
    graph = torch.cuda.CUDAGraph()
    if draws is not None:
        graph.register_generator_state(draws)
    # other threads of a process that trains may use the device meanwhile
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        step()
    return graph.replay


def warm_up(step: Callable[[], None]) -> None:
    """Run `step` on a stream of its own, as PyTorch's notes ask for before a recording: it computes the same."""
    stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        step()
    current.wait_stream(stream)
