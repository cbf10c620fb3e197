"""Loop nests do what their builder says, on every lane and in every tail."""

from __future__ import annotations

import pytest
import torch

from course.network.kernels import llvm_loops
from course.network.kernels.llvm_loops import LoopNest


def scaled_sum():
    """total[0] += scale[0] * x for `count` numbers, in lanes."""
    nest = LoopNest("scaled_sum", ["x", "scale", "total"], ["count"])
    whole = nest["count"] // nest.lanes * nest.lanes
    total = nest.variable()
    nest.set(total, nest.load("total", 0))

    def add(offset):
        product = nest.multiply_add(nest.get(total), nest.load("x", offset), nest.broadcast("scale", 0))
        nest.set(total, product)

    with nest.loop(0, whole, nest.lanes) as i:
        add(i)
    with nest.loop(whole, nest["count"], nest.lanes) as i, nest.masked(nest["count"] - i):
        add(i)
    nest.store(nest.get(total), "total", 0)
    return nest.compiled()


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100])
def test_a_sum_covers_whole_vectors_and_the_masked_rest(count):
    x = torch.arange(count + 32, dtype=torch.float32)  # numbers behind `count` must not be read
    scale, total = torch.tensor([2.0]), torch.zeros(llvm_loops.lanes())
    scaled_sum()(x.data_ptr(), scale.data_ptr(), total.data_ptr(), count)
    assert total.sum() == 2 * sum(range(count))


def test_a_masked_store_leaves_the_other_lanes_alone():
    nest = LoopNest("fill", ["y"], ["count"])
    with nest.masked(nest["count"]):
        nest.store(nest.add(nest.zero(), nest.zero()), "y", 0)
    y = torch.ones(llvm_loops.lanes())
    nest.compiled()(y.data_ptr(), 3)
    assert y.tolist() == [0.0] * 3 + [1.0] * (llvm_loops.lanes() - 3)


def test_integer_expressions_are_those_of_the_processor():
    """Each result is the offset at which a 1 is stored, from the middle of the array on."""

    def offset_of(expression) -> int:
        nest = LoopNest("store_at", ["one", "y"], ["a", "b"])
        with nest.masked(1):
            nest.store(nest.load("one", 0), "y", expression(nest, nest["a"], nest["b"]))
        one, y = torch.ones(llvm_loops.lanes()), torch.zeros(201)
        nest.compiled()(one.data_ptr(), y[100:].data_ptr(), -7, 2)
        return int(y.argmax()) - 100

    assert offset_of(lambda nest, a, b: a + b * 3 - 1) == -2
    assert offset_of(lambda nest, a, b: -a) == 7
    assert offset_of(lambda nest, a, b: a // b) == -3  # towards zero
    assert offset_of(lambda nest, a, b: nest.minimum(a, b)) == -7
    assert offset_of(lambda nest, a, b: nest.maximum(a, b)) == 2


def test_the_processor_has_one_of_the_known_shapes():
    assert llvm_loops.lanes() in (4, 8, 16) and llvm_loops.registers() in (16, 32)
