"""A name in a spec leads to an operator on the list, or to a refusal."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.errors import SpecError
from course.network import operators

WORDS = sorted({word for words in operators.FAMILIES.values() for word in words.split()})


@pytest.mark.parametrize("word", WORDS)
def test_every_word_on_the_list_is_an_operator_of_torch(word):
    packet = getattr(torch.ops.aten, word)
    assert packet.overloads()


@pytest.mark.parametrize(
    "name",
    [
        "aten.as_strided.default",
        "aten.item.default",
        "aten.empty.memory_format",  # in a forward; a constructor may
        "aten.set_.source_Storage",
        "aten.from_file.default",
        "prims.mul.default",
        "aten.conv2d",
        "aten.conv2d.default.default",
        "torch.load",
        "__import__",
        "",
    ],
)
def test_what_is_off_the_list_is_refused_by_name(name):
    with pytest.raises(SpecError, match="not on the list"):
        operators.resolve(name)


def test_an_overload_that_does_not_exist_is_refused():
    with pytest.raises(SpecError, match="does not exist"):
        operators.resolve("aten.conv2d.__class__")


@pytest.mark.parametrize("name", ["aten.add.out", "aten.mm.out", "aten.max.dim_max"])
def test_an_operator_that_writes_where_it_is_told_is_refused(name):
    with pytest.raises(SpecError, match="writes into a tensor"):
        operators.resolve(name)


@given(st.text(max_size=60))
def test_no_name_at_all_leads_anywhere_else(name):
    try:
        found = operators.resolve(name)
    except SpecError:
        return
    assert str(found) == name or name in operators.SIZE_OPERATORS


def test_sizes_cannot_grow_without_end():
    multiply = operators.resolve("size.mul")
    assert multiply(3, 4) == 12
    for arguments in ((2**40, 2**40), ([1], 10**9), ("x", 10**9)):
        with pytest.raises((ValueError, TypeError)):
            multiply(*arguments)
