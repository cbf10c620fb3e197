"""Text that no terminal obeys, and names without what nobody sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.console import format_duration, format_points, printable, student_name


@pytest.mark.parametrize(
    ("text", "safe"),
    [("a\nb\x1b[31m", "a b [31m"), ("\u202eevil", " evil"), ("é🙂", "é🙂"), ("x" * 11, "x" * 9 + "…")],
)
def test_text_is_made_safe_for_a_terminal(text, safe):
    assert printable(text, 10) == safe


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (" lea", "lea"),
        ("zoe\t", "zoe"),
        ("\u00a0ada lovelace\u200b", "ada lovelace"),
        ("rene\u0301", "ren\u00e9"),
        ("\ufeff", "\ufeff"),
        ("\ufb01n", "\ufb01n"),
        ("a\udcff", r"a\udcff"),
    ],
)
def test_a_students_name_has_nothing_that_nobody_sees(name, student):
    assert student_name(name) == student


def test_a_duration_reads_like_a_clock():
    assert [format_duration(seconds) for seconds in (0, 59.6, 3723)] == ["0:00", "1:00", "1:02:03"]


def test_points_are_shown_without_digits_that_nobody_gave():
    assert [format_points(points) for points in (12.0, 2.5, 10 / 3)] == ["12", "2.5", "3.33"]


@given(st.text())
def test_no_text_can_steer_a_terminal(text):
    safe = printable(text)
    assert all(c.isprintable() or c.isspace() for c in safe)
    assert "\x1b" not in safe and "\n" not in safe and "\u202e" not in safe
    assert len(safe) <= 2000
