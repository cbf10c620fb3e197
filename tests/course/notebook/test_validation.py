"""Which numbers a notebook may pass, and the sentence about one that it may not."""

import numpy as np
import pytest

from course.errors import UsageError
from course.notebook.validation import positive_number, usable_device, whole_number


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(7)])
def test_whole_numbers_within_the_limits_come_back_as_python_integers(value):
    assert whole_number("f(n=...)", value, 1, 7) == value
    assert type(whole_number("f(n=...)", value, 1, 7)) is int


@pytest.mark.parametrize("value", [0, 8, -1, True, np.True_, 2.0, np.float64(2), "2", None, float("nan"), [2]])
def test_anything_else_is_refused_with_the_argument_its_limits_and_the_value(value):
    with pytest.raises(UsageError) as caught:
        whole_number("f(n=...)", value, 1, 7, "Take fewer.")
    assert str(caught.value) == f"f(n=...) must be a whole number from 1 to 7, and got {value!r}. Take fewer."


@pytest.mark.parametrize("value", [1e-300, 1, 0.5, np.float32(0.5), np.int64(2)])
def test_positive_numbers_come_back_as_python_floats(value):
    assert positive_number("f(x=...)", value) == float(value)
    assert type(positive_number("f(x=...)", value)) is float


@pytest.mark.parametrize("value", [0, 0.0, -1.5, float("inf"), float("nan"), 10**400, True, "0.1", None])
def test_what_is_not_a_finite_number_above_zero_is_refused_with_the_value(value):
    with pytest.raises(UsageError, match=r"f\(x=\.\.\.\) must be a finite number above zero, and got "):
        positive_number("f(x=...)", value)


def test_a_missing_gpu_is_no_mistake_where_nothing_is_trained(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match="has no CUDA device"):
        usable_device("cuda")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert usable_device("cuda").type == "cpu"
    with pytest.raises(UsageError, match="'tpu' is not known"):
        usable_device("tpu")
