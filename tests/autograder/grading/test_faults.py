"""A submission that breaks the grader gets a verdict; a machine that breaks it for everybody gets `internal` once."""

from dataclasses import replace

import pytest

from autograder.grading.faults import describe_fault, reference_problem, settle_fault
from autograder.grading.options import Options
from course.errors import GraderError
from tests.support.recipes import REDUCED
from tests.support.stores import result_of

BROKEN = replace(result_of("internal"), reasons=("The trainer died.",), runs=())


class Gradings:
    """Gives one result after another, and counts them."""

    def __init__(self, *results):
        self.results, self.count = results, 0

    def __call__(self):
        self.count += 1
        return self.results[self.count - 1]


def test_a_fault_that_has_passed_leaves_no_trace():
    settled = settle_fault(BROKEN, Gradings(result_of("pass")), lambda: "")
    assert (settled.result, settled.fault) == (result_of("pass"), "")


def test_a_fault_of_this_submission_alone_is_its_error_and_is_noted():
    settled = settle_fault(BROKEN, Gradings(BROKEN), lambda: "")
    assert settled.result.verdict == "error" and settled.fault == "The trainer died."
    assert "broke again" in settled.result.reasons[0] and "The trainer died." in settled.result.reasons[0]


def test_a_fault_of_the_machine_is_internal_and_is_not_tried_again():
    again = Gradings()
    settled = settle_fault(BROKEN, again, lambda: "No disk.")
    assert (settled.result.verdict, again.count) == ("internal", 0)
    assert settled.result.reasons[0] == "The trainer died." and "No disk." in settled.result.reasons[1]


@pytest.mark.training
def test_our_own_recipe_is_captured_inspected_and_trained(recipe_sandbox, workers):
    assert reference_problem(REDUCED, recipe_sandbox, workers, trains=True) == ""


def test_what_breaks_with_our_own_recipe_is_told(recipe_sandbox, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no memory")

    monkeypatch.setattr("autograder.grading.faults.train_once", broken)
    assert reference_problem(Options(device="cpu"), recipe_sandbox, None, trains=False) == ""
    problem = reference_problem(Options(device="cpu"), recipe_sandbox, None, trains=True)
    assert problem.startswith("RuntimeError in test_faults.py, line ") and problem.endswith(": no memory.")


def test_an_error_that_was_raised_on_purpose_is_told_in_its_own_words():
    assert describe_fault(GraderError("The disk is on fire.")) == "The disk is on fire."
