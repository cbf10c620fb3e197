"""Where the time of a training step goes: its parts by the clock, and its operators by PyTorch's profiler."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from course.network import TrainableNetwork
from course.training.loop import Run

WARM_UP_STEPS = 5

P = ParamSpec("P")
R = TypeVar("R")


class StepTimer:
    """Times the parts of a run's training steps: transform, forward (with the loss), backward and optimizer step."""

    def __init__(self, run: Run):
        self._seconds: defaultdict[str, float] = defaultdict(float)
        vars(run).update(
            _train_transform=self._timed("transform", run._train_transform),
            network=_TimedNetwork(run.network, self._timed("forward", run.network)),
            _loss=self._timed_loss(run._loss),
        )
        vars(run.optimizer).update(step=self._timed("step", run.optimizer.step))

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

    def _timed_loss(self, function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        def wrapper(outputs: Tensor, labels: Tensor) -> Tensor:
            loss = self._timed("forward", function)(outputs, labels)
            vars(loss).update(backward=self._timed("backward", loss.backward))
            return loss

        return wrapper


class _TimedNetwork:
    """A network whose calls are timed; its attributes are those of the network."""

    def __init__(self, network: TrainableNetwork, call: Callable[..., Tensor]):
        self._network, self._call = network, call

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


def operator_shares(run: Run, steps: int, limit: int = 12) -> list[tuple[str, float]]:
    """The `limit` operators that take the most time of a training step, each with its fraction of the time."""
    batches = torch.randperm(run.train_size).split(run.spec.batch_size)
    draws = torch.Generator().manual_seed(0)
    for batch in batches[:WARM_UP_STEPS]:
        run.train_step(batch, draws)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for batch in batches[WARM_UP_STEPS : WARM_UP_STEPS + steps]:
            run.train_step(batch, draws)
    times: dict[str, float] = {event.key: event.self_cpu_time_total for event in profile.key_averages()}
    total = sum(times.values())
    shares = [(operator, taken / total) for operator, taken in times.items()]
    return sorted(shares, key=lambda operator: -operator[1])[:limit]
