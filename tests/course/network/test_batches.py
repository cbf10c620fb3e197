"""Values and their gradients: buffers are used again, and gradients are added up."""

from __future__ import annotations

import torch

from course.kernels import copying
from course.kernels.instructions import Instructions
from course.network.batches import Batch, Memory


def test_a_gradient_is_written_first_and_then_added_to():
    memory, batch = Memory(), Batch(torch.zeros(1, 3, 32), needs_gradient=True)
    term = torch.randn(1, 3, 32)
    instructions = [
        instruction for _ in range(3) for instruction in batch.add_gradient(memory, lambda dx: copying.copy(term, dx))
    ]
    Instructions(instructions).run()
    assert torch.allclose(batch.gradient, 3 * term)


def test_what_needs_no_gradient_gets_none():
    batch = Batch(torch.zeros(1, 3, 32), needs_gradient=False)
    assert batch.add_gradient(Memory(), lambda dx: copying.copy(dx, dx)) == [] and batch.gradient is None


def test_memory_is_given_again_when_it_was_given_back():
    memory = Memory()
    first = memory.take(2, 3)
    assert memory.take(3, 2).data_ptr() != first.data_ptr()
    memory.give_back(first)
    again = memory.take(6)
    assert again.data_ptr() == first.data_ptr() and again.shape == (6,)
