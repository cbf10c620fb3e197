"""A name in a spec is an operator on the list, or it is refused."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.errors import SpecError
from course.network import operators

NAMES = sorted({name for names in operators.FAMILIES.values() for name in names.split()})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_on_the_list_is_an_operator_of_torch(name):
    packet = getattr(torch.ops.aten, name)
    assert packet.overloads()


@pytest.mark.parametrize(
    "name",
    [
        "aten.as_strided.default",
        "aten.item.default",
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


SNAPSHOT = Path(__file__).parent / "allowed_overloads.txt"
SNAPSHOT_COMMAND = (
    'python -c "from tests.course.network.test_operators import allowed_overloads as f; print(f())" '
    "> tests/course/network/allowed_overloads.txt"
)


def allowed_overloads() -> str:
    """A line for each operator: its allowed overloads, and those that only a constructor may call."""
    lines = []
    for name in sorted({*NAMES, *operators.INIT_FAMILY.split()}):
        overloads = sorted(getattr(torch.ops.aten, name).overloads())
        in_forward = [o for o in overloads if operators.is_allowed(f"aten.{name}.{o}")]
        in_init = [o for o in overloads if operators.is_allowed(f"aten.{name}.{o}", init=True) and o not in in_forward]
        only = f"in constructors alone: {' '.join(in_init)}" if in_init else ""
        lines.append(f"{name}: {' '.join(in_forward)}{only}")
    return "\n".join(lines)


def test_the_overloads_that_are_allowed_are_those_that_somebody_has_read():
    assert SNAPSHOT.read_text() == allowed_overloads() + "\n", f"read what is new, then run: {SNAPSHOT_COMMAND}"


@pytest.mark.parametrize("name", operators.UNSAFE_OVERLOADS)
def test_an_overload_that_is_excluded_exists_and_is_refused_in_constructors_too(name):
    packet, overload = name.split(".")
    assert overload in getattr(torch.ops.aten, packet).overloads()
    for init in (False, True):
        assert not operators.is_allowed(f"aten.{name}", init=init)
        with pytest.raises(SpecError, match=operators.UNSAFE_OVERLOADS[name].split(".")[0]):
            operators.resolve(f"aten.{name}", init=init)


def test_an_overload_that_names_dimensions_is_refused_where_pytorch_still_has_it():
    found = operators.overload_problem("aten.sum.dim_DimnameList")
    assert "does not exist" in found or "names dimensions" in found


@pytest.mark.parametrize(
    "name", ["aten.add.t", "aten.add.str", "aten.select.t", "aten.eq.device", "aten.index.str", "aten.to.prim_dtype"]
)
def test_an_overload_that_computes_no_tensor_from_tensors_is_refused(name):
    with pytest.raises(SpecError, match="not one that computes tensors"):
        operators.resolve(name)


@pytest.mark.parametrize(
    ("name", "structural"),
    [
        ("aten.avg_pool2d.default", "kernel_size stride padding"),  # divisor_override divides
        ("aten.arange.start_step", "dtype"),
        ("aten.slice.Tensor", "dim start end step"),
        ("aten.var.correction", "dim"),
        ("size.mul", ""),
    ],
)
def test_a_number_in_a_call_is_a_value_unless_its_argument_says_where_or_how_large(name, structural):
    found = operators.structural_arguments(operators.resolve(name))
    assert {key for key in found if isinstance(key, str)} == set(structural.split())


def test_an_overload_that_does_not_exist_is_refused():
    with pytest.raises(SpecError, match="does not exist"):
        operators.resolve("aten.conv2d.__class__")


@pytest.mark.parametrize("name", ["aten.add.out", "aten.mm.out", "aten.max.dim_max"])
def test_an_operator_that_writes_into_a_given_tensor_is_refused(name):
    with pytest.raises(SpecError, match="writes into a tensor"):
        operators.resolve(name)


@given(st.text(max_size=60))
def test_any_other_name_is_refused(name):
    try:
        resolved = operators.resolve(name)
    except SpecError:
        return
    assert str(resolved) == name or name in operators.SIZE_OPERATORS


def test_sizes_are_bounded():
    multiply = operators.resolve("size.mul")
    assert multiply(3, 4) == 12
    for arguments in ((2**40, 2**40), ([1], 10**9), ("x", 10**9)):
        with pytest.raises((ValueError, TypeError)):
            multiply(*arguments)


def test_arguments_are_bound_by_name_whether_given_by_position_or_by_keyword():
    dropout = operators.resolve("aten.dropout.default")
    expected = {"input": "x", "p": 0.5, "train": True}
    assert operators.bind(dropout, ("x", 0.5, True), {}) == expected
    assert operators.bind(dropout, ("x",), {"train": True, "p": 0.5}) == expected


def test_defaults_are_the_operators_own():
    conv2d = operators.resolve("aten.conv2d.default")
    bound = operators.bind(conv2d, ("x", "w"), {"groups": 2}, defaults=True)
    assert bound["groups"] == 2 and bound["bias"] is None and tuple(bound["stride"]) == (1, 1)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (("x", 0.5), {"p": 0.1}, "'p' twice"),
        (("x",), {"rate": 0.1}, "'rate', which it does not take"),
        (("x", 0.5, True, 1), {}, "more than it takes"),
        ((), {"p": 0.1, "train": True}, "without its argument 'input'"),
    ],
    ids="twice unknown many missing".split(),
)
def test_arguments_that_do_not_fit_the_schema_are_refused(args, kwargs, message):
    with pytest.raises(SpecError, match=message):
        operators.bind(operators.resolve("aten.dropout.default"), args, kwargs, defaults=True)


def test_a_size_operators_arguments_are_bound_by_their_position():
    assert operators.bind(operators.resolve("size.add"), (1, 2), {}) == {"0": 1, "1": 2}


def test_an_argument_has_its_position_in_the_schema():
    batch_norm = operators.resolve("aten.batch_norm.default")
    assert operators.argument_position(batch_norm, "cudnn_enabled") == 8
    with pytest.raises(ValueError):
        operators.argument_position(batch_norm, "dilation")
