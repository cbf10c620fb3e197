"""`autograder verify`: is every record in the store as it was written?"""

from __future__ import annotations

import sys

import click

from autograder.cli.options import store_option
from autograder.console import ExitCode, report_errors


@click.command()
@store_option
@click.option("--end", "noted_end", metavar="MAC", help="An end of the chain that was noted earlier and must be in it.")
@report_errors
def verify(store_url: str | None, noted_end: str | None) -> None:
    """Check that nobody tampered with the store.

    Only the grader can change, delete, move or add a record without this command noticing.

    This prints the end of the chain of records. Keep a note of it somewhere else: given with --end, it also reveals
    that the store was replaced by an older copy.

    Exit code: 0 every record is as it was written, 1 some are not, 2 wrong use, 3 the store cannot be read.
    """
    from autograder.store import open_store

    with open_store(store_url, read_only=True) as store:
        problems = list(store.verify(noted_end))
        count, end = store.chain_end()
    for problem in problems:
        click.secho(problem, fg="red")
    if not problems:
        click.secho(f"All {count:,} records of {store.name} are as they were written.", fg="green")
    click.echo(f"end of the chain: {end}")
    sys.exit(ExitCode.NOT_PASSED if problems else ExitCode.SUCCESS)
