"""The number of runs at once on a GPU is the one that gets most done, as far as memory has room."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.batch.runs_per_gpu import FULL, GAIN, MOST, RunsPerGPU


class Machine:
    """Trains a class of equal runs in simulated time. `rate(n)` is the epochs per second of n runs together."""

    def __init__(self, rate, memory=0.01, gpus=1, **options):
        self.now, self.fullest = 0.0, 0.0
        self._rate, self._memory, self._gpus = rate, memory, gpus
        self.runs = RunsPerGPU(gpus=gpus, clock=lambda: self.now, **options)

    def train(self, epochs=3000):
        """Returns the limit that was found."""
        for _ in range(epochs):
            limit = self.runs.limit
            self.runs.set_running(self.runs.places)
            self.now += 1 / (self._rate(limit) * self._gpus)
            self.fullest = max(self.fullest, limit * self._memory)
            self.runs.advanced(1, limit * self._memory)
        return self.runs.limit


@pytest.mark.parametrize(
    ("best", "rate"),
    [
        (2, lambda n: 1.0),  # a GPU that one run keeps busy
        (4, lambda n: min(n, 4)),
        (8, lambda n: n / (1 + max(0, n - 8))),  # more than 8 disturb each other
        (MOST, lambda n: n),
    ],
)
@pytest.mark.parametrize("gpus", [1, 3])
def test_more_run_at_once_while_that_gets_more_done(best, rate, gpus):
    machine = Machine(rate, gpus=gpus)
    assert machine.train(3000 * gpus) == best
    assert machine.runs.places == best * gpus


@given(
    gains=st.lists(st.floats(0.5, 2.0), min_size=4, max_size=4),
    memory=st.floats(0.001, 0.44),
    most=st.integers(1, 20),
)
def test_no_step_is_kept_that_does_not_pay_and_memory_is_never_full(gains, memory, most):
    rates = {1: 1.0}
    for number, gain in zip((2, 4, 8, 16), gains, strict=True):
        rates[number] = rates[number // 2] * gain
    machine = Machine(rates.__getitem__, memory, most=most)
    found = machine.train()
    assert 1 <= found <= max(1, most) and machine.fullest <= FULL
    for number in (4, 8, 16):
        if number <= found:
            assert rates[number] >= 0.999 * GAIN * rates[number // 2]
    if 2 <= found < 16 and 2 * found <= most and 2 * found * memory <= FULL:
        assert rates[2 * found] <= 1.001 * GAIN * rates[found]


def test_fewer_run_where_two_fill_the_memory():
    machine = Machine(lambda n: n, memory=0.47)
    assert machine.train(50) == 1


def test_runs_that_are_still_to_end_do_not_lower_the_number_twice():
    runs = RunsPerGPU(clock=lambda: 0.0)
    runs.limit = 8
    runs.set_running(8)
    for _ in range(5):
        runs.advanced(0.1, 0.95)  # the eight that run fill the memory until four of them end
    assert runs.limit == 4


def test_a_class_that_does_not_fill_the_places_decides_nothing():
    machine = Machine(lambda n: n)
    machine.runs.set_running(1)
    for _ in range(1000):
        machine.runs.advanced(1, 0.01)
    assert machine.runs.limit == 2


def test_no_more_threads_than_places_are_inside_at_once_and_all_come_to_an_end():
    runs, inside, most, lock = RunsPerGPU(most=4), 0, 0, threading.Lock()

    def grade(_):
        nonlocal inside, most
        with runs.place():
            with lock:
                inside += 1
                most = max(most, inside)
            for _ in range(20):
                runs.advanced(1, 0.01)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(grade, range(400)))
    assert inside == 0 and most <= 4
