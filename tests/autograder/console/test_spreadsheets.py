"""No field is a formula, and Excel can read every name."""

import csv
import io

import pytest

from autograder.console.spreadsheets import csv_text, plain_text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", "\t=", " \r\n@", "\u00a0+"])
def test_what_would_be_computed_is_quoted(start):
    assert plain_text(f"{start}1").startswith("'")


@pytest.mark.parametrize("text", ["", "ada", "    Points Possible", "a=b", "'=1", "x-y"])
def test_all_else_is_as_it_is(text):
    assert plain_text(text) == text


def test_numbers_stay_numbers_and_lines_whole():
    text = csv_text([["a", 1, -2.5, ""], ["b\nc", "=1", None, True]], quote_text=True)
    assert text.splitlines()[0] == '"a",1,-2.5,""'
    assert list(csv.reader(io.StringIO(text)))[1] == ["b c", "'=1", "", "True"]


def test_a_byte_order_mark_stands_only_where_a_name_needs_it():
    assert csv_text([["ada"]]) == "ada\r\n" and csv_text([["ren\u00e9"]]) == "\ufeffren\u00e9\r\n"
