"""Instructions run one after the other, on any number of threads, and in a forked process."""

from __future__ import annotations

import os
import threading

import pytest
import torch

from course.kernels.builder import LANES, Kernel
from course.kernels.copying import add, copy
from course.kernels.instructions import Address, Instruction, Instructions, using_threads

SIZE = 16 * LANES


def prefix_sums(count: int) -> tuple[Instructions, torch.Tensor]:
    """Rows in which each is twice the one before plus one, computed by one instruction a row."""
    rows, one = torch.zeros(count, 1, SIZE), torch.ones(1, SIZE)
    instructions = []
    for row in range(1, count):
        instructions += [*add(rows[row - 1], rows[row - 1], rows[row]), *add(rows[row], one, rows[row])]
    return Instructions(instructions), rows


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_each_instruction_sees_what_all_threads_wrote_before(threads):
    instructions, rows = prefix_sums(20)
    with using_threads(threads):
        for _ in range(20):
            rows[1:] = -1.0
            instructions.run()
            assert torch.equal(rows[:, 0], (2.0 ** torch.arange(20) - 1)[:, None].expand(20, SIZE))


def test_several_of_pythons_threads_may_run_instructions_at_the_same_time():
    wrong = []

    def work(threads: int) -> None:
        instructions, rows = prefix_sums(10)
        with using_threads(threads):
            for _ in range(30):
                rows[1:] = -1.0
                instructions.run()
                if not torch.equal(rows[-1], torch.full((1, SIZE), 2.0**9 - 1)):
                    wrong.append(threads)

    workers = [threading.Thread(target=work, args=(threads,)) for threads in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_the_number_of_threads_is_the_callers_again_afterwards():
    instructions, _ = prefix_sums(3)
    with pytest.raises(ZeroDivisionError), using_threads(2), using_threads(3):
        instructions.run()
        raise ZeroDivisionError
    instructions.run()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own():
    instructions, rows = prefix_sums(5)
    with using_threads(2):
        instructions.run()
        child = os.fork()
        if child == 0:
            rows[1:] = -1.0
            instructions.run()
            os._exit(0 if rows[-1, 0, 0] == 15 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_no_instruction_is_nothing_to_do():
    Instructions([]).run()
    with using_threads(3):
        Instructions([]).run()


def test_an_address_may_lie_inside_of_a_tensor():
    kernel = Kernel("copy_one", ["x", "y"])
    with kernel.tasks(1):
        kernel.store(kernel.scalar("x", 0), "y", 0)
    x, y = torch.arange(5.0), torch.zeros(3)
    Instructions([Instruction(kernel.address(), (Address(x, 4), y[1:]))]).run()
    assert y.tolist() == [0.0, 4.0, 0.0]


def test_tensors_live_as_long_as_their_instructions():
    x, y = torch.arange(float(SIZE)).view(1, SIZE), torch.zeros(1, SIZE)
    instructions = Instructions(copy(x, y))
    expected, addresses = x.clone(), (x.data_ptr(), y.data_ptr())
    del x
    torch.full((1, SIZE), -1.0)
    instructions.run()
    assert torch.equal(y, expected) and addresses[1] == y.data_ptr()
