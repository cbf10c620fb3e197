"""Test cells, as the kernel of a submitted notebook runs them."""

import pytest

from autograder.workers.notebook_kernel import run_test


@pytest.mark.parametrize(
    ("source", "value"),
    [("assert 1 == 1", None), ("", None), ("2.5", "2.5"), ("3", "3.0"), ("x = 1\nx + 1", "2.0"), ("None", None)],
)
def test_a_test_that_passes_gives_all_points_or_the_number_it_ends_in(source, value):
    assert run_test(source, {}) == {"status": "ok", "payload": [], "value": value}


@pytest.mark.parametrize(
    "source",
    [
        "float('nan')",
        "float('inf')",
        "-1",
        "True",
        "'7.5'",
        "[7.5]",
        "object()",
        "import torch\ntorch.ones(2)",
        "import sys\nsys.exit(0)",
        "raise KeyboardInterrupt",
        "assert False, 'no'",
        "this is not Python",
    ],
)
def test_what_is_no_number_of_points_is_an_error(source):
    reply = run_test(source, {})
    assert reply["status"] == "error" and reply["traceback"] and "value" not in reply


def test_numbers_of_numpy_and_torch_count_as_numbers():
    assert run_test("import numpy\nnumpy.float64(1.5)", {})["value"] == "1.5"
    assert run_test("import torch\ntorch.tensor(1.5)", {})["value"] == "1.5"


def test_an_object_that_lies_about_itself_fails_the_test_and_nothing_else():
    source = "class Liar:\n    def __float__(self): raise SystemExit\n    __str__ = __float__\nLiar()"
    assert run_test(source, {})["status"] == "error"


def test_names_that_hide_builtins_do_not_reach_a_test_and_its_own_names_stay():
    namespace = {"all": lambda _: True, "isinstance": lambda *_: True, "answer": [1, 0]}
    assert run_test("found = 1\nassert all(answer)", namespace)["status"] == "error"
    assert namespace["found"] == 1 and namespace["all"]([0])
