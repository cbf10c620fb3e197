"""Prints the evidence: readable at 80 columns, and nothing in it is obeyed by the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder.console import VERDICT_COLORS, printable
from autograder.console.rich_console import RichConsole
from autograder.gradebook.explain.evidence import Evidence
from autograder.gradebook.explain.sections import Section, headline

MAX_LINES = 150  # of a source; the page shows all
INDENT = (0, 0, 0, 2)


def print_headline(evidence: Evidence) -> None:
    color = VERDICT_COLORS.get(evidence.verdict.verdict, "") if evidence.verdict else ""
    RichConsole().print(Text(printable(headline(evidence)), f"bold {color}".strip()))


def print_sections(sections: Iterable[Section]) -> None:
    console = RichConsole()
    for section in sections:
        console.print()
        console.print(Text(printable(section.title), "bold red" if section.is_alarm else "bold"))
        for sentence in section.sentences:
            console.print(Padding(Text(printable(sentence)), INDENT, expand=False))
        if section.rows:
            console.print(Padding(_table(section), INDENT, expand=False))
        if section.text:
            console.print(Padding(_source(section.text), INDENT, expand=False))


def _table(section: Section) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, heading in enumerate(section.headings):
        table.add_column(heading, justify="right" if number in section.right else "left", overflow="fold")
    for number, row in enumerate(section.rows):
        table.add_row(*(Text(printable(cell)) for cell in row), style="bold" if number in section.marked else "")
    return table


def _source(source: str) -> Text:
    """The first lines, with their indentation."""
    lines = source.splitlines()
    shown = [f"| {printable(line.expandtabs(4))}" for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(f"... and {len(lines) - MAX_LINES:,} more lines: --html FILE writes them all.")
    return Text("\n".join(shown))
