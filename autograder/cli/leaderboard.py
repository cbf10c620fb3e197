"""`autograder leaderboard`: the class as a table, a page for students or a CSV file."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.options import store_option
from autograder.console import report_errors
from course.errors import UsageError


@click.command()
@click.argument("assignment", default="challenge")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page for students, with pseudonyms.")
@click.option("--csv", type=click.Path(path_type=Path), help="Write all columns, with names and pseudonyms.")
@click.option("--best", type=click.IntRange(0), help="How many the page for students shows.  [default: all]")
@click.option(
    "--settings", type=click.Path(path_type=Path), help="A TOML file with the order of the ranking, and `best`."
)
@store_option
@report_errors
def leaderboard(
    assignment: str, html: Path | None, csv: Path | None, best: int | None, settings: Path | None, store_url: str | None
) -> None:
    """Show the ranking of the class, or write it to files.

    `jupyter leaderboard` shows it in a browser, with much more.

    The page that --html writes is one file and names no student: pseudonyms stay the same from page to page, and
    --csv says whose they are.

    \b
    Examples:
      autograder leaderboard
      autograder leaderboard challenge --html ranking.html --csv ranking.csv

    Exit code: 0, 2 wrong use, 3 the store cannot be read.
    """
    from autograder.console.rich_console import RichConsole
    from autograder.leaderboard import export
    from autograder.leaderboard.class_state import ClassState
    from autograder.leaderboard.settings import read_settings
    from autograder.store import open_store
    from course.rules import load_rules

    given = read_settings(settings)
    load_rules(assignment)
    with open_store(store_url, read_only=True) as store:
        class_state = ClassState(store, given)
        class_state.refresh()
    rows = class_state.table(assignment).rows
    if html:
        _write(html, export.students_page(rows, assignment, given.best if best is None else best))
    if csv:
        _write(csv, export.as_csv(rows))
    for whom, path in (("for students", html), ("with names", csv)):
        if path:
            click.echo(f"Written {whom}: {path}")
    if not (html or csv):
        RichConsole().print(export.terminal_table(rows, assignment))


def _write(path: Path, text: str) -> None:
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
