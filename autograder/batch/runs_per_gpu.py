"""How many gradings train on one GPU at once: found out while a batch runs, by what they get done and by memory."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

MOST = 16  # runs on one GPU; each has a process with a context of its own on the device
FIRST = 2  # one computes while the other starts or is tested
GAIN = 1.05  # twice as many must get this much more done
FULL = 0.9  # of the device's memory; tensors of different sizes leave gaps
EPOCHS = 15  # of each run in a measurement, about a whole training with its start


class RunsPerGPU:
    """The number of runs at once, for several threads: doubled while a class gets on faster and memory has room.

    A measurement lasts until so many runs at once have finished `EPOCHS` epochs each, and counts only while all
    places are taken. `most` is the limit in any case, `gpus` the number of equal GPUs.
    """

    def __init__(self, most: int = MOST, gpus: float = 1, clock: Callable[[], float] = time.monotonic):
        self.limit = max(1, min(FIRST, most))  # on each GPU
        self.gpus = gpus
        self._most, self._clock = most, clock
        self._is_settled = False
        self._slower_rate = 0.0  # epochs per second with half as many
        self._running = 0
        self._began: float | None = None  # when this measurement began; None while places are free
        self._epochs = self._memory = 0.0
        self._changed = threading.Condition()

    @property
    def places(self) -> int:
        """How many may run at once on all GPUs."""
        return max(1, int(self.limit * self.gpus))

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place and keep it inside."""
        with self._changed:
            self._changed.wait_for(lambda: self._running < self.places)
            self.set_running(self._running + 1)
        try:
            yield
        finally:
            with self._changed:
                self.set_running(self._running - 1)
                self._changed.notify_all()

    def set_running(self, running: int) -> None:
        """Tell how many run now. A measurement begins with all places taken; some are free for moments between two."""
        self._running = running
        if running < self.places / 2:
            self._began = None
        elif self._began is None and running >= self.places:
            self._start_measurement()

    def advanced(self, epochs: float, memory: float) -> None:
        """Tell that a run has got on by `epochs`, and the share of its GPU's memory that was in use, by anybody."""
        with self._changed:
            self._epochs += epochs
            self._memory = max(self._memory, memory)
            if self._memory > FULL and self.limit > 1 and self._running <= self.places:
                self._settle(self.limit // 2)  # some of those that run now are still to end
            elif self._began is not None and not self._is_settled and self._epochs >= EPOCHS * self.places:
                self._judge(self._epochs / max(self._clock() - self._began, 1e-9))

    def _judge(self, rate: float) -> None:
        if rate < GAIN * self._slower_rate:
            self._settle(self.limit // 2)
        elif 2 * self.limit > self._most or 2 * self._memory > FULL:
            self._settle(self.limit)
        else:
            self._slower_rate = rate
            self.limit *= 2
            self._began = None  # until the new places are taken
            self._changed.notify_all()

    def _settle(self, limit: int) -> None:
        self.limit, self._is_settled, self._memory = limit, True, 0.0

    def _start_measurement(self) -> None:
        self._began, self._epochs, self._memory = self._clock(), 0.0, 0.0
