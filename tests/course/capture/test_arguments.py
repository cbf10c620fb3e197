"""Arguments of an operator call become plain data, or are refused with what to write instead."""

from __future__ import annotations

import pytest
import torch

from course import spec
from course.capture.arguments import DTYPE_NAMES, to_spec_argument, to_spec_dtype
from course.errors import RecipeError
from tests.support.student_code import SmallNet, refusal_of


def reference(value: torch.Tensor) -> spec.NodeRef:
    return spec.NodeRef(node=len(value))


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "bchw,co->bohw"])
def test_plain_values_stay_what_they_are(value):
    argument = to_spec_argument(value, reference)
    assert argument == value and type(argument) is type(value)


def test_lists_become_tuples_and_tensors_references():
    assert to_spec_argument([1, [2.0, torch.zeros(3)]], reference) == (1, (2.0, spec.NodeRef(node=3)))


@pytest.mark.parametrize("value", [torch.device("cpu"), torch.strided, torch.channels_last, torch.Generator()])
def test_what_the_grader_chooses_is_left_out(value):
    assert to_spec_argument(value, reference) is None


@pytest.mark.parametrize("name", ["float32", "float64", "int64", "int32", "bool", "uint8"])
def test_types_that_a_spec_knows_keep_their_names(name):
    assert to_spec_argument(getattr(torch, name), reference) == spec.Dtype(dtype=name)
    assert DTYPE_NAMES[getattr(torch, name)] == name


def test_another_type_is_refused_with_those_there_are():
    with pytest.raises(RecipeError, match=r"type float16\. Use one of float32, float64, int64, int32, bool, uint8"):
        to_spec_dtype(torch.float16)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_not_finite_is_refused_with_what_to_use_instead(value):
    with pytest.raises(RecipeError, match=rf"the number {value}. Use a large finite one instead"):
        to_spec_argument([0.0, value], reference)


def test_numbers_from_a_file_and_other_objects_are_refused():
    with pytest.raises(RecipeError, match="reads numbers from a file"):
        to_spec_argument(torch.zeros(2).untyped_storage(), reference)
    with pytest.raises(RecipeError, match="uses complex inside an operation"):
        to_spec_argument(1j, reference)


class MasksWithInfinity(SmallNet):
    def forward(self, x):
        return super().forward(x.masked_fill(x < 0, float("-inf")))


def test_a_mask_with_infinity_is_refused():
    error = refusal_of(model=MasksWithInfinity)
    assert "-inf" in str(error) and error.line is None
