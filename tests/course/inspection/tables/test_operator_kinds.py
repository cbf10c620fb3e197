"""Which operators are polynomials of their tables, and of what degree."""

from __future__ import annotations

import pytest
import torch

from course.inspection.tables import operator_kinds as kinds
from course.network import Program
from course.spec import Dtype, NodeRef
from tests.support.spec_networks import call

FLOAT, DOUBLE, BYTE, INTEGER = (
    torch.ones(3, dtype=t) for t in (torch.float32, torch.float64, torch.uint8, torch.int64)
)
A, B = NodeRef(node=0), NodeRef(node=1)


def made(op: str, *args, **kwargs):
    sources = (call("aten.zeros.default", (3,)), call("aten.zeros.default", (3,)))
    return Program((*sources, call(op, *args, **kwargs)), 0, None).calls[-1]


DEGREES = {
    "sum": (made("aten.add.Tensor", A, B), [1, 2], [FLOAT, FLOAT], FLOAT, 2),
    "product": (made("aten.mul.Tensor", A, B), [1, 2], [FLOAT, FLOAT], FLOAT, 3),
    "quotient_by_one_number": (made("aten.div.Tensor", A, B), [2, 0], [FLOAT, FLOAT], FLOAT, 2),
    "quotient_by_a_table": (made("aten.div.Tensor", A, B), [1, 1], [FLOAT, FLOAT], FLOAT, kinds.NOT_LINEAR),
    "quotient_that_is_rounded": (
        made("aten.div.Tensor_mode", A, B, rounding_mode="floor"),
        [1, 0],
        [FLOAT, FLOAT],
        FLOAT,
        kinds.NOT_LINEAR,
    ),
    "square": (made("aten.pow.Tensor_Scalar", A, 2), [1], [FLOAT], FLOAT, 2),
    "high_power": (made("aten.pow.Tensor_Scalar", A, 9), [1], [FLOAT], FLOAT, kinds.NOT_LINEAR),
    "root": (made("aten.pow.Tensor_Scalar", A, 0.5), [1], [FLOAT], FLOAT, kinds.NOT_LINEAR),
    "exponential": (made("aten.pow.Scalar", 2, A), [1], [FLOAT], FLOAT, kinds.NOT_LINEAR),
    "sine": (made("aten.sin.default", A), [1], [FLOAT], FLOAT, kinds.NOT_LINEAR),
    "in_place": (made("aten.add_.Tensor", A, B), [1, 1], [FLOAT, FLOAT], FLOAT, 1),
    "wider": (made("aten.to.dtype", A, Dtype(dtype="float64")), [1], [FLOAT], DOUBLE, 1),
    "narrower": (made("aten.to.dtype", A, Dtype(dtype="float32")), [1], [DOUBLE], FLOAT, kinds.NOT_LINEAR),
    "cut_to_integers": (made("aten.to.dtype", A, Dtype(dtype="int64")), [1], [FLOAT], INTEGER, kinds.NOT_LINEAR),
    "sum_in_a_narrower_type": (made("aten.add_.Tensor", A, B), [1, 1], [FLOAT, DOUBLE], FLOAT, kinds.NOT_LINEAR),
    "bytes_that_wrap": (made("aten.mul.Scalar", A, 16), [1], [BYTE], BYTE, kinds.NOT_LINEAR),
}


@pytest.mark.parametrize("case", DEGREES)
def test_the_degree_of_an_operator_follows_from_those_of_its_tables(case):
    one, degrees, inputs, result, expected = DEGREES[case]
    assert kinds.degree_of(one, degrees, inputs, result) == expected


@pytest.mark.parametrize(
    ("op", "base", "in_place"),
    [("aten.add_.Tensor", "add", True), ("aten.add.Tensor", "add", False), ("aten.__and__.Tensor", "__and__", False)],
)
def test_an_operator_that_works_in_place_is_known_by_its_name(op, base, in_place):
    one = made(op, A, B)
    assert (kinds.base_name(one), kinds.is_in_place(one)) == (base, in_place)


def test_every_name_is_an_operator_of_torch():
    for name in kinds.KEEP | kinds.MOVE | kinds.FILL | kinds.EACH | kinds.SUMS | kinds.PRODUCTS | kinds.POWERS:
        assert hasattr(torch.ops.aten, name), name
