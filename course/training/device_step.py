"""A whole training step that stays on its device: it reads no number back, and takes none from the host.

Which images come next, the rates, losses and counts are tensors, which each step reads, fills and advances. So a step
is one function of what is in memory, and a recording of it (`cuda_graphs`) trains as the function does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from course.training.schedule import Schedule

WARM_UP = 3  # steps before recording, in which libraries initialise; PyTorch's notes on CUDA graphs ask for some

TrainStep = Callable[[Tensor, torch.Generator | None], tuple[Tensor, Tensor]]  # indices, draws -> loss, right answers
Replay = Callable[[], None]
Record = Callable[[Callable[[], None], torch.Generator | None], Replay]  # a step without arguments, and its draws


class DeviceStep:
    """The steps of a run. `losses`, (steps of an epoch,), and `correct`, (), are those of the epoch so far.

    `record` makes of a step what repeats it, in one launch; without it each step is computed. There is a recording for
    each size of a batch: an epoch's last one may be smaller. If recording fails, steps are computed, and `problem` says
    why.
    """

    def __init__(
        self,
        train_step: TrainStep,
        schedule: Schedule,
        draws: torch.Generator | None,
        *,
        images: int,
        batch_size: int,
        device: torch.device,
        record: Record | None = None,
        warm_up: Callable[[Callable[[], None]], None] | None = None,
    ):
        """`images` is the number of training images. `schedule` has its options on the device."""
        self._train_step, self._schedule, self._draws = train_step, schedule, draws
        self._record, self._warm_up = record, warm_up
        self._replays: dict[int, Replay] = {}
        self._calls: Counter[int] = Counter()  # by size of the batch
        self.problem = ""
        steps = -(-images // batch_size)
        self._batch_size = batch_size
        self._order = torch.zeros(images, dtype=torch.int64, device=device)
        self._offsets = torch.arange(batch_size, device=device)
        self._positions = torch.arange(steps, device=device)
        self._step = torch.zeros(1, dtype=torch.int64, device=device)  # of the epoch
        self._row = torch.zeros(1, dtype=torch.int64, device=device)  # of the schedule's table
        self.losses = torch.zeros(steps, device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)

    def begin_epoch(self, order: Tensor, row: int) -> None:
        """`order` has the indices of the epoch's images, `row` is the schedule's for its first step."""
        self._order.copy_(order)
        self._row.fill_(row)
        for tensor in (self._step, self.losses, self.correct):
            tensor.zero_()

    def __call__(self, size: int) -> None:
        """The next step, on `size` images. Never waits for the device, but to record."""
        if size not in self._replays and self._record is not None and self._calls[size] >= WARM_UP:
            try:
                self._replays[size] = self._record(partial(self._compute, size), self._draws)
            except Exception as error:  # a copy to the host, an operator that synchronises, an old driver ...
                self._record, self.problem = None, f"recording it failed: {str(error).strip().splitlines()[0][:300]}"
        self._calls[size] += 1
        if size in self._replays:
            self._replays[size]()
        elif self._record is not None and self._warm_up is not None:
            self._warm_up(partial(self._compute, size))
        else:
            self._compute(size)

    def _compute(self, size: int) -> None:
        batch = self._order.index_select(0, self._offsets[:size] + self._step * self._batch_size)
        self._schedule.set_on_device(self._row)
        loss, correct = self._train_step(batch, self._draws)
        self.losses.copy_(torch.where(self._positions == self._step, loss, self.losses))
        self.correct.add_(correct)
        self._step.add_(1)
        self._row.add_(self._schedule.rows_per_step)
