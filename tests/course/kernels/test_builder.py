"""A kernel does what its builder says: loops, shares, and operators that round once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from llvmlite import ir

from course.kernels import builder
from course.kernels.builder import DOUBLE, FLOAT, INT, LANES, Kernel
from course.kernels.instructions import Instruction
from tests.support.kernels import computed


def elementwise(expression, *inputs: torch.Tensor) -> torch.Tensor:
    """`expression(kernel, *vectors)` for tensors of 16 numbers."""
    names = [f"x{i}" for i in range(len(inputs))]
    kernel = Kernel("elementwise", [*names, "y"])
    with kernel.tasks(1):
        kernel.store(expression(kernel, *(kernel.load(name, 0) for name in names)), "y", 0)
    y = torch.full((LANES,), 9.0)
    computed([Instruction(kernel.address(), (*inputs, y))])
    return y


A, B, C = (torch.randn(LANES, generator=torch.Generator().manual_seed(seed)) for seed in range(3))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda k, a, b: a + b, A + B),
        (lambda k, a, b: a - b, A - B),
        (lambda k, a, b: 2.0 - a, 2 - A),
        (lambda k, a, b: a * b, A * B),
        (lambda k, a, b: a / b, A / B),
        (lambda k, a, b: 1.0 / b, 1 / B),
        (lambda k, a, b: -a, -A),
        (lambda k, a, b: a.maximum(b), torch.maximum(A, B)),
        (lambda k, a, b: a.minimum(0.25), A.clamp(max=0.25)),
        (lambda k, a, b: a.where((a < b) | (b > 1.0), b), torch.where((A < B) | (B > 1), A, B)),
        (lambda k, a, b: k.sqrt(a * a), (A * A).sqrt()),
        (lambda k, a, b: k.floor(a * 9.0), (A * 9).floor()),
        (lambda k, a, b: k.round_to_even(a * 9.0), (A * 9).round()),
        (lambda k, a, b: (a.double() * b.double()).single(), (A.double() * B.double()).float()),
        (lambda k, a, b: (a * 9.0).to_int32().to_float(), (A * 9).trunc()),
        (lambda k, a, b: k.in_all_lanes(a.lane_sum()) * 0.0 + b, B),
    ],
)
def test_operators_are_those_of_ieee_754(expression, expected):
    assert torch.equal(elementwise(expression, A, B), expected)


def test_a_product_and_a_sum_round_twice_unless_fused_explicitly():
    twice, once = (elementwise(e, A, B, C) for e in (lambda k, a, b, c: a * b + c, lambda k, a, b, c: k.fma(a, b, c)))
    exact = (A.double() * B.double() + C.double()).float()
    assert torch.equal(twice, A * B + C) and torch.equal(once, exact) and not torch.equal(once, twice)


def test_lanes_are_added_halves_first():
    total = A
    while len(total) > 1:
        first, second = total.chunk(2)
        total = first + second
    assert torch.equal(elementwise(lambda k, a: k.in_all_lanes(a.lane_sum()), A), total.expand(LANES))


def test_nan_is_found_and_compares_with_nothing():
    values = torch.tensor([math.nan, 1.0] * 8)
    found = elementwise(lambda k, a: k.number(1.0).where(a.is_nan, 0.0), values)
    below = elementwise(lambda k, a: k.number(1.0).where((a < 5.0) | (a >= 5.0), 0.0), values)
    assert found.tolist() == [1.0, 0.0] * 8 and below.tolist() == [0.0, 1.0] * 8


@given(st.integers(0, 50), st.integers(1, 20))
def test_each_task_belongs_to_one_thread_and_shares_are_nearly_equal(tasks, threads):
    kernel = _counting_kernel()
    shares = []
    for thread in range(threads):
        counts = torch.zeros(50 + LANES)
        _call(kernel, [counts.data_ptr(), tasks], thread, threads)
        shares.append(counts[:50])
    assert torch.stack(shares).sum(0).tolist() == [1.0] * tasks + [0.0] * (50 - tasks)
    sizes = [int(share.sum()) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def _counting_kernel() -> int:
    if not _cache:
        kernel = Kernel("count", ["counts"], ["tasks"])
        with kernel.tasks(kernel["tasks"]) as task:
            kernel.store(kernel.scalar("counts", task) + 1.0, "counts", task)
        _cache.append(kernel.address())
    return _cache[0]


_cache: list[int] = []


def _call(address: int, arguments: list[int], thread: int, threads: int) -> None:
    import ctypes

    array = np.array(arguments, np.int64)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(address)
    function(array.ctypes.data, thread, threads)


def test_integers_are_64_bits_and_divided_towards_zero():
    kernel = Kernel("integers", ["y"], ["a", "b"])
    a, b = kernel["a"], kernel["b"]
    expressions = a + b * 3 - 1, -a, a // b, a % b, a.minimum(b), a.maximum(b), (a ^ b) & 7, (b << 40) >> 38, b | 8
    with kernel.tasks(1):
        for i, value in enumerate(expressions):
            kernel.store(value, "y", i)
    y = torch.zeros(len(expressions), dtype=torch.int64)
    computed([Instruction(kernel.address(), (y, -7, 2))])
    assert y.tolist() == [-2, 7, -3, -1, -7, 2, (-7 ^ 2) & 7, 8, 10]


def test_other_types_are_loaded_and_stored():
    kernel = Kernel("types", ["x", "n", "y"])
    with kernel.tasks(1):
        x, n = kernel.load("x", 1, DOUBLE), kernel.load("n", 2, INT)
        kernel.store(x * n.to_double(), "y", 0)
        kernel.store((n << 60).as_signed_byte().to_double() + n.truncated(16).to_float().double(), "y", 1)
    y = torch.zeros(2, dtype=torch.float64)
    x, n = torch.tensor([1.0, 2.5], dtype=torch.float64), torch.tensor([1, 2, 2**16 + 3])
    computed([Instruction(kernel.address(), (x, n, y))])
    assert y.tolist() == [2.5 * (2**16 + 3), 3.0]


def test_numbers_are_gathered_from_anywhere():
    kernel = Kernel("gather", ["x", "offsets", "y"])
    with kernel.tasks(1):
        offsets = kernel.load("offsets", 0).to_int32()
        kernel.store(kernel.gather("x", kernel.number(3, INT), offsets), "y", 0)
    x, offsets, y = torch.randn(40), torch.randint(-3, 37, (LANES,)).float(), torch.empty(LANES)
    computed([Instruction(kernel.address(), (x, offsets, y))])
    assert torch.equal(y, x[3 + offsets.long()])


def test_the_registers_of_the_processor_hold_a_known_number_of_vectors():
    assert builder.target_machine()[1] in (8, 32)
    assert builder.vector(FLOAT).count == LANES and isinstance(builder.vector(FLOAT), ir.VectorType)
