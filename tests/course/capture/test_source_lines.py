"""Errors and calls are traced to the student's own lines."""

from __future__ import annotations

import linecache
import sys
from functools import partial

import pytest
import torch
from torch import nn

from course.capture.source_lines import current_student_line, is_student_file, student_line


@pytest.mark.parametrize("name", ["recipe", "/home/student/net.py", "/tmp/ipykernel_7/123.py", "<ipython-input-3-ab>"])
def test_files_and_cells_of_a_student_are_the_students(name):
    assert is_student_file(name)


@pytest.mark.parametrize(
    "name",
    [
        torch.__file__,
        nn.modules.conv.__file__,
        sys.modules["course.capture.graph"].__file__,
        linecache.__file__,
        "<frozen importlib._bootstrap>",
        "<string>",
        "<eval_with_key>.3",
    ],
)
def test_files_of_pytorch_python_and_the_course_are_not(name):
    assert not is_student_file(name)


def raised_by(source: str) -> Exception:
    """What `source`, as a student's file, raises."""
    linecache.cache["student.py"] = (len(source), None, source.splitlines(keepends=True), "student.py")
    with pytest.raises(Exception) as caught:
        exec(compile(source, "student.py", "exec"), {})
    return caught.value


def test_an_error_inside_pytorch_is_traced_to_the_innermost_line_of_the_student():
    error = raised_by(
        "import torch\ndef f(x):\n    return torch.nn.functional.linear(x, torch.zeros(2, 3))\nf(torch.zeros(4))\n"
    )
    assert student_line(error) == (3, "return torch.nn.functional.linear(x, torch.zeros(2, 3))")


def test_a_long_line_is_shortened():
    assert student_line(raised_by("1 / 0" + " + 1" * 100)) == (1, ("1 / 0" + " + 1" * 100)[:120])


def test_an_error_that_did_not_pass_through_the_students_source_has_no_line():
    assert student_line(ValueError("never raised")) == (None, "")


def call(function):
    """Stands for the function of the course that calls the student's code."""
    return function()


def test_the_line_that_is_running_is_the_students():
    def constructor():
        return current_student_line(call.__code__)

    assert call(constructor) == constructor.__code__.co_firstlineno + 1


def test_where_a_constructor_calls_a_forward_the_line_that_calls_it_is_named():
    def forward():
        return current_student_line(call.__code__)

    def constructor():
        return forward()

    assert call(constructor) == constructor.__code__.co_firstlineno + 1


def test_without_a_student_in_between_no_line_is_running():
    assert call(partial(current_student_line, call.__code__)) is None
