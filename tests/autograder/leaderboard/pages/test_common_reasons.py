"""What the class stumbles over: reasons that differ only in details are one."""

from dataclasses import replace

from autograder.leaderboard.pages.common_reasons import common_reasons
from tests.support.rows import make_attempt


def test_reasons_that_differ_in_numbers_and_names_are_one_and_a_student_is_counted_once():
    reasons = [
        ("ada", "parameters: 8,100 counted, fewer than 8,000 allowed: 8,100 in layers."),
        ("ada", "parameters: 9,300 counted, fewer than 8,000 allowed: 9,300 in layers."),
        ("bob", "parameters: 8,001 counted, fewer than 8,000 allowed: 8,001 in layers."),
        ("bob", "NameError: name 'nn' is not defined."),
        ("eve", "NameError: name 'torch; drop. table' is not defined."),
    ]
    attempts = [
        replace(make_attempt(n, "refused", (), student=who), reasons=(why,)) for n, (who, why) in enumerate(reasons, 1)
    ]
    passed = replace(make_attempt(9), reasons=("parameters: 1 counted",))
    found = common_reasons([*attempts, passed])
    assert [count for _, count in found] == [2, 2]
    assert {reason for reason, _ in found} == {
        "NameError: name … is not defined.",
        "parameters: … counted, fewer than … allowed: … in layers.",
    }
