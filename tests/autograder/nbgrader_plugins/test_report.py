"""What a verdict is worth, and what its report says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.nbgrader_plugins import report
from autograder.store.records import Result, RunRecord
from course.inspection.record import Advice, Choices, Layer
from course.rules import load_rules
from course.training.results import EpochResult
from tests.support.stores import INSPECTION

RULES = load_rules("challenge")
DROPOUT = Layer("drop", "dropout", (4,), 0, 28)


def epochs(*correct):
    return tuple(EpochResult(i, 0.1, 0.1, 59_000, 60_000, 0.1, c, 10_000) for i, c in enumerate(correct, start=1))


def result(verdict, *runs, reasons=("Run 1: a reason.",), **more):
    records = tuple(RunRecord(i, "cpu", "a processor", 1, epochs(*run), 1.0) for i, run in enumerate(runs, start=1))
    return Result("challenge.ipynb", "challenge", verdict, reasons, runs=records, **more)


@pytest.mark.parametrize(
    ("verdict", "runs", "expected"),
    [
        ("pass", [[9_940, 9_941]], 1.0),
        ("borderline", [[9_940, 9_941], [9_900, 9_900]], 1.0),
        ("fail", [[9_870, 9_999]], 0.25),
        ("fail", [[9_800, 9_800]], 0.0),
        ("fail", [[5_000, 5_000]], 0.0),
        ("fail", [[9_940, 9_940], [9_870, 9_870], [9_800, 9_800]], 0.25),
        ("refused", [], 0.0),
        ("error", [], 0.0),
    ],
)
def test_points_are_whole_for_a_pass_none_for_a_refusal_and_in_between_as_the_course_says(verdict, runs, expected):
    graded = result(verdict, *runs)
    assert report.credit(graded, RULES, partial_credit=0.5, partial_from=0.98) == pytest.approx(expected)
    assert report.credit(graded, RULES, partial_credit=0.0, partial_from=0.98) == float(expected == 1.0)


@given(correct=st.lists(st.integers(0, 10_000), min_size=2, max_size=15), credit=st.floats(0, 1), start=st.floats(0, 1))
def test_a_failed_run_never_gets_more_than_the_course_says(correct, credit, start):
    assert 0.0 <= report.credit(result("fail", correct), RULES, credit, start) <= credit


def test_a_students_text_is_escaped_in_the_report():
    hostile = "Line 1: <script>alert(1)</script>\x1b[31m & \u202e"
    page = report.html(result("error", reasons=(hostile,)), RULES, 0.0, 10.0)
    assert "<script>" not in page and "&lt;script&gt;" in page and "\x1b" not in page and "\u202e" not in page


def test_a_report_passes_nbconverts_sanitizer_as_it_is():
    from nbconvert.filters.strings import clean_html

    graded = replace(result("fail", [9_900, 9_910], [9_920, 9_930]), official=False)
    page = report.html(graded, replace(RULES, accuracy=0.999), 1.5, 10.0)
    assert clean_html(page) == page
    assert "Not official" in page and "1.5 of 10 points" in page and "What to try next" in page


@pytest.mark.parametrize(
    ("correct", "trained", "fragment"),
    [
        ([9_930, 9_950, 9_900], 59_400, "was reached in epoch 2 and lost again"),
        ([9_800, 9_850, 9_870], 59_900, "which indicates overfitting"),
        ([9_700, 9_750, 9_760], 58_000, "can learn more"),
    ],
)
def test_what_to_try_next_follows_from_the_curve(correct, trained, fragment):
    graded = result("fail", correct)
    run = replace(graded.runs[0], epochs=tuple(replace(e, train_correct=trained) for e in graded.runs[0].epochs))
    assert fragment in " ".join(report.next_steps(replace(graded, runs=(run,)), RULES))


def test_remarks_of_the_inspection_are_part_of_the_report():
    inspection = replace(INSPECTION, advice=(Advice("<b>Look</b> at this.", 3, "lesson 1: Dead weight"),))
    page = report.html(result("refused", inspection=inspection), RULES, 0.0, 10.0)
    assert "Line 3: &lt;b&gt;Look&lt;/b&gt; at this. (lesson 1: Dead weight)" in page


@pytest.mark.parametrize(
    ("trained", "random_transforms", "layers", "is_remarked"),
    [
        (59_000, (), (DROPOUT,), True),  # 98.33 %, and 98.70 % in the test
        (59_900, (), (DROPOUT,), False),
        (59_000, ("RandomRotation",), (DROPOUT,), False),  # that alone would explain it
        (59_000, (), (), False),
    ],
)
def test_dropout_is_remarked_where_nothing_else_keeps_training_below_the_test(
    trained, random_transforms, layers, is_remarked
):
    choices = Choices(("ToTensor",), random_transforms, "SGD", has_schedule=False)
    graded = result("fail", [9_800, 9_870], inspection=replace(INSPECTION, layers=layers, choices=choices))
    run = replace(graded.runs[0], epochs=tuple(replace(e, train_correct=trained) for e in graded.runs[0].epochs))
    remarks = report.remarks(replace(graded, runs=(run,)))
    assert bool(remarks) is is_remarked
    assert all("With dropout the training (98.33%) stays below the test (98.70%)" in remark for remark in remarks)


def test_the_curve_is_a_picture_and_what_was_not_trained_has_none():
    assert report.curves(result("fail", [9_900, 9_910]), RULES).startswith(b"\x89PNG")
    assert report.curves(result("refused"), RULES) is None
