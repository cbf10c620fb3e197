"""Where the time of a training step on a CPU goes: its parts by the clock, and its kernels one by one."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from course.kernels.instructions import Instructions
from course.training.loop import Run

WARM_UP_STEPS = 3

P = ParamSpec("P")
R = TypeVar("R")


class StepTimer:
    """Times the parts of a run's training steps: transform, network (forward, loss, backward) and optimizer."""

    def __init__(self, run: Run):
        self._seconds: defaultdict[str, float] = defaultdict(float)
        vars(run).update(
            _train_transform=self._timed("transform", run._train_transform),
            _forward_backward=self._timed("network", run._forward_backward),
        )
        vars(run.optimizer).update(step=self._timed("optimizer", run.optimizer.step))

    def clear(self) -> None:
        self._seconds.clear()

    def shares(self, seconds: float) -> dict[str, float]:
        """Part -> its fraction of `seconds`, which all steps since `clear` took together; `other` is the rest."""
        shares = {part: taken / seconds for part, taken in self._seconds.items()}
        return shares | {"other": 1 - sum(shares.values())}

    def _timed(self, part: str, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function, updated=())
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._seconds[part] += time.perf_counter() - start

        return wrapper


def kernel_shares(run: Run, repetitions: int, limit: int = 12) -> list[tuple[str, float]]:
    """The `limit` kernels that take the most time of a training step, each with its fraction of all kernels' time."""
    batch, draws = torch.arange(run.spec.batch_size) % run.train_size, torch.Generator().manual_seed(0)
    for _ in range(WARM_UP_STEPS):
        run.train_step(batch, draws)
    times: defaultdict[str, float] = defaultdict(float)
    for part in run.network.instructions_of(len(batch)):  # type: ignore[attr-defined]  # on a CPU it has them
        for name, alone in part.one_by_one():
            times[name] += min(_seconds(alone) for _ in range(repetitions))
    total = sum(times.values())
    shares = [(name, taken / total) for name, taken in times.items()]
    return sorted(shares, key=lambda kernel: -kernel[1])[:limit]


def _seconds(alone: Instructions) -> float:
    start = time.perf_counter()
    alone.run()
    return time.perf_counter() - start
