"""The evidence in a terminal: it fits 80 columns, and nothing in it is obeyed."""

import pytest

from autograder.gradebook.explain.sections import Section, sections
from autograder.gradebook.explain.terminal import MAX_LINES, print_headline, print_sections


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_every_line_fits_80_columns_and_every_epoch_is_one_line(made_up, capsys):
    evidence = made_up(*[[9_935 + n % 2 for n in range(15)]] * 3)
    print_headline(evidence)
    print_sections(sections(evidence))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and lines[0] == "ada, challenge: fail"
    epochs = [line for line in lines if line.split()[1:2] == ["0.1"] and "99.3" in line]
    assert len(epochs) == 15 * len(evidence.runs) == 30


def test_names_sources_and_reasons_show_as_they_are_and_a_terminal_obeys_none_of_them(hostile, capsys):
    print_headline(hostile)
    print_sections(sections(hostile))
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\u202e" not in printed
    assert printed.startswith("<script>alert(1)</script>[red]x[/red] [31m y")
    assert "Because <script>alert(1)</script>[red]x[/red] [31m y" in printed
    assert "|     if x:" in printed  # the indentation stays


def test_of_a_long_source_the_beginning_is_shown_and_where_the_rest_is(capsys):
    print_sections([Section("Source", text="\n".join(f"line{n}" for n in range(MAX_LINES + 7)))])
    printed = capsys.readouterr().out
    assert f"line{MAX_LINES - 1}" in printed and f"line{MAX_LINES}" not in printed
    assert "... and 7 more lines: --html FILE writes them all." in printed
