"""The values of a planned graph, their gradients, and the memory that both lie in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course.kernels import copying
from course.kernels.instructions import Instruction

Write = Callable[[Tensor], list[Instruction]]


class Memory:
    """Buffers that are used again once nothing reads them any more."""

    def __init__(self) -> None:
        self._free: dict[int, list[Tensor]] = {}

    def take(self, *shape: int) -> Tensor:
        free = self._free.get(math.prod(shape))
        return free.pop().view(shape) if free else torch.empty(shape)

    def give_back(self, buffer: Tensor) -> None:
        self._free.setdefault(buffer.numel(), []).append(buffer)


@dataclass(eq=False)
class Batch:
    """A value of the graph: N images of one shape, in the kernels' layout. `gradient` is that of the loss."""

    blocks: Tensor
    needs_gradient: bool
    gradient: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return tuple(self.blocks.shape[1:-1])

    def has_gradient_in(self, memory: Tensor) -> bool:
        return self.gradient is not None and self.gradient.data_ptr() == memory.data_ptr()

    def add_gradient(self, memory: Memory, write: Write, free: Tensor | None = None) -> list[Instruction]:
        """Instructions that add what `write` computes, perhaps over `free`, which nothing reads after them."""
        if not self.needs_gradient:
            return []
        if self.gradient is None:
            self.gradient = memory.take(*self.blocks.shape) if free is None else free.view(self.blocks.shape)
            return write(self.gradient)
        term = memory.take(*self.blocks.shape)
        instructions = [*write(term), *copying.add(self.gradient, term, self.gradient)]
        memory.give_back(term)
        return instructions
