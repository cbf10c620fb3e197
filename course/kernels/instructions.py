"""Runs a list of kernels, one after the other, on one thread or on several.

An instruction is a kernel with its arguments. `Program.run` hands the whole list to compiled code: Python is not
needed between two instructions. The threads meet after each instruction, so that the next one reads what all of them
have written. The results do not depend on their number, see `course.kernels.builder`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from course.kernels.builder import compile_module, name_of

SPINS = 2_000  # looks at the barrier before a thread lets others run, some tens of microseconds


class Address(NamedTuple):
    """That of number `offset` of a contiguous tensor."""

    tensor: Tensor
    offset: int


Argument = Tensor | Address | int


@dataclass(frozen=True)
class Instruction:
    """A kernel's address and its arguments; a tensor stands for the address of its first number."""

    kernel: int
    arguments: tuple[Argument, ...]


class Instructions:
    """Instructions in the form that compiled code reads; it keeps their tensors alive."""

    def __init__(self, instructions: Sequence[Instruction]):
        self._instructions = tuple(instructions)  # they keep their tensors alive
        flat: list[int] = []
        offsets: list[int] = []
        for instruction in instructions:
            offsets.append(len(flat))
            flat.extend(_as_integer(argument) for argument in instruction.arguments)
        self._arguments = np.array(flat or [0], np.int64)
        addresses = np.array(offsets, np.int64) * 8 + self._arguments.ctypes.data
        kernels = np.array([instruction.kernel for instruction in instructions], np.int64)
        self._table = np.ascontiguousarray(np.stack((kernels, addresses), 1) if instructions else np.zeros((0, 2)))
        self._barrier = np.zeros(16, np.int64)  # a cache line of its own for each of the two numbers

    def one_by_one(self) -> Iterator[tuple[str, Instructions]]:
        """Each alone, with its kernel's name."""
        for instruction in self._instructions:
            yield name_of(instruction.kernel), Instructions([instruction])

    def run(self) -> None:
        """Run all of them, on as many threads as `using_threads` says. Python's global lock is released meanwhile."""
        threads = _local.threads
        pointers = self._table.ctypes.data, len(self._table), self._barrier.ctypes.data
        if threads == 1:
            _runner()(*pointers, 0, 1)
        else:
            _team(threads).run(lambda thread: _runner()(*pointers, thread, threads))


def _as_integer(argument: Argument) -> int:
    match argument:
        case Tensor():
            return argument.data_ptr()
        case Address(tensor, offset):
            return tensor.data_ptr() + offset * tensor.element_size()
    return argument


class _Team:
    """Threads that wait for work; the caller's is the first of them."""

    def __init__(self, threads: int):
        self._inboxes = [queue.SimpleQueue[Callable[[int], None]]() for _ in range(threads - 1)]
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()
        for number, inbox in enumerate(self._inboxes, 1):
            threading.Thread(target=self._work, args=(number, inbox), daemon=True).start()

    def _work(self, number: int, inbox: queue.SimpleQueue[Callable[[int], None]]) -> None:
        while True:
            inbox.get()(number)
            self._done.put(None)

    def run(self, action: Callable[[int], None]) -> None:
        for inbox in self._inboxes:
            inbox.put(action)
        action(0)
        for _ in self._inboxes:
            self._done.get()


class _Local(threading.local):
    """Of each thread of Python's: a team works for one of them at a time."""

    threads = 1

    def __init__(self) -> None:
        self.teams: dict[int, _Team] = {}
        self.process = os.getpid()


_local = _Local()


@contextmanager
def using_threads(threads: int) -> Iterator[None]:
    """Inside, this thread's instructions run on so many threads."""
    before, _local.threads = _local.threads, threads
    try:
        yield
    finally:
        _local.threads = before


def _team(threads: int) -> _Team:
    if _local.process != os.getpid():  # a forked process has none of its parent's threads
        _local.teams, _local.process = {}, os.getpid()
    if threads not in _local.teams:
        _local.teams[threads] = _Team(threads)
    return _local.teams[threads]


# The barrier is two numbers, 64 bytes apart: how many threads have come, and how many times all of them have met. The
# last one to come sets the first back before it raises the second, for which the others wait.
_RUNNER = """
define void @run(ptr %table, i64 %count, ptr %barrier, i64 %thread, i64 %threads) {
entry:
  %meetings = getelementptr i64, ptr %barrier, i64 8
  br label %head
head:
  %index = phi i64 [0, %entry], [%next, %met]
  %more = icmp slt i64 %index, %count
  br i1 %more, label %body, label %end
body:
  %row = mul i64 %index, 2
  %kernel_at = getelementptr i64, ptr %table, i64 %row
  %arguments_at = getelementptr i64, ptr %kernel_at, i64 1
  %kernel = load ptr, ptr %kernel_at
  %arguments = load ptr, ptr %arguments_at
  call void %kernel(ptr %arguments, i64 %thread, i64 %threads)
  %next = add i64 %index, 1
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %met, label %meet
meet:
  %meeting = load atomic i64, ptr %meetings acquire, align 8
  %came_before = atomicrmw add ptr %barrier, i64 1 acq_rel
  %came = add i64 %came_before, 1
  %last = icmp eq i64 %came, %threads
  br i1 %last, label %release, label %wait
release:
  store atomic i64 0, ptr %barrier monotonic, align 8
  %ignored = atomicrmw add ptr %meetings, i64 1 release
  br label %met
wait:
  %spins = phi i64 [0, %meet], [%spins_now, %again]
  %now = load atomic i64, ptr %meetings acquire, align 8
  %waits = icmp eq i64 %now, %meeting
  br i1 %waits, label %again_or_yield, label %met
again_or_yield:
  %spins_now = add i64 %spins, 1
  %patient = icmp slt i64 %spins_now, SPINS
  br i1 %patient, label %again, label %yield
yield:
  YIELD
  br label %again
again:
  br label %wait
met:
  br label %head
end:
  ret void
}
DECLARE
"""


@functools.cache
def _runner() -> Callable[..., None]:
    """void run(table, count, barrier, thread, threads)"""
    has_yield = sys.platform != "win32"
    text = _RUNNER.replace("SPINS", str(SPINS)).replace("YIELD", "call i32 @sched_yield()" if has_yield else "")
    text = text.replace("DECLARE", "declare i32 @sched_yield()" if has_yield else "")
    signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    return signature(compile_module(text, "run"))
