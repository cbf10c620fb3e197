"""Where the time of a training step goes: its parts by the clock, and its operators by PyTorch's profiler."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable

import torch

from course.training.loop import Run


class Shares:
    """Times the parts of a run's steps from now on: transform, forward (with the loss), backward, optimizer step."""

    def __init__(self, run: Run):
        self._seconds: Counter[str] = Counter()
        run._train_transform = self._timed("transform", run._train_transform)
        run.network = _Network(run.network, self._timed("forward", run.network))
        run._loss = self._loss(run._loss)
        run.optimizer.step = self._timed("step", run.optimizer.step)

    def clear(self) -> None:
        self._seconds.clear()

    def of(self, seconds: float) -> dict[str, float]:
        """The share of each part in `seconds`, and of what is none of them."""
        shares = {part: taken / seconds for part, taken in self._seconds.items()}
        return shares | {"other": 1 - sum(shares.values())}

    def _timed(self, part: str, function: Callable) -> Callable:
        @functools.wraps(function, updated=())
        def wrapper(*args, **kwargs):
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._seconds[part] += time.perf_counter() - began

        return wrapper

    def _loss(self, function: Callable) -> Callable:
        def wrapper(*args):
            loss = self._timed("forward", function)(*args)
            loss.backward = self._timed("backward", loss.backward)
            return loss

        return wrapper


class _Network:
    """A network whose calls are timed; all else is its own."""

    def __init__(self, network, call: Callable):
        self._network, self._call = network, call

    def __call__(self, *args, **kwargs):
        return self._call(*args, **kwargs)

    def __getattr__(self, name: str):
        return getattr(self._network, name)


def operators(run: Run, steps: int, most: int = 12) -> list[tuple[str, float]]:
    """The operators that take most of a step's time, each with its share, dearest first."""
    batches = torch.randperm(run.train_size).split(run.spec.batch_size)
    draws = torch.Generator().manual_seed(0)
    for batch in batches[:5]:
        run.train_step(batch, draws)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for batch in batches[5 : 5 + steps]:
            run.train_step(batch, draws)
    events = [(event.key, event.self_cpu_time_total) for event in profile.key_averages()]
    total = sum(taken for _, taken in events)
    return sorted(((name, taken / total) for name, taken in events), key=lambda e: -e[1])[:most]
