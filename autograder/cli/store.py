"""`autograder verify` and `autograder explain`: is every record as it was written, and what does a verdict rest on?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.options import json_option, store_option
from autograder.console import ExitCode, printable, report_errors
from course.errors import UsageError, plural

if TYPE_CHECKING:
    from autograder.gradebook.explain.evidence import Evidence
    from autograder.gradebook.explain.rerun import Rerun
    from autograder.gradebook.settings import CourseSettings

CONFIG = "nbgrader_config.py"


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
        click.secho(f"{plural(count, 'record')} of {store.name} checked: all is as it was written.", fg="green")
    click.echo(f"end of the chain: {end}")
    sys.exit(ExitCode.NOT_PASSED if problems else ExitCode.SUCCESS)


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--student", required=True, metavar="NAME", help="Whose verdict; a team's name is one, too.")
@click.option("--assignment", help="Of which assignment.  [default: the one that was handed in]")
@click.option("--attempt", "number", type=int, metavar="N", help="Which attempt.  [default: the one that counts]")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a page, with curves.")
@click.option("--rerun", "reruns", is_flag=True, help="Train the verdict's runs again, and compare digit by digit.")
@click.option("--trust-submissions", is_flag=True, help="With --rerun: without isolation if this machine has none.")
@store_option
@json_option
@report_errors
def explain(
    folder: Path,
    student: str,
    assignment: str | None,
    number: int | None,
    html: Path | None,
    reruns: bool,
    trust_submissions: bool,
    store_url: str | None,
    as_json: bool,
) -> None:
    """Show everything that a student's verdict rests on, for a dispute.

    FOLDER is the root of a course of nbgrader's, or its submitted/; by default this one. This shows the attempt and
    which one counts, the verdict with its reasons, the count part by part, the rules then and now, every epoch of every
    run, versions and isolation, all other verdicts, whether each record is as it was written, and the recipe.

    --rerun trains with the same seeds and options, and says whether all numbers are equal, or which are not. It writes
    nothing to the store. Other versions or another processor give other digits: it says so first.

    \b
    Examples:
      autograder explain ~/mycourse --student ada
      autograder explain ~/mycourse --student ada --rerun --html ada.html

    Exit code: 0, 1 a record was changed or --rerun gave other numbers, 2 wrong use, 3 something cannot be read.
    """
    from autograder.gradebook.explain.evidence import collect_evidence
    from autograder.store import open_store

    settings = _settings_around(folder)
    url = store_url or (settings.store_url if settings else None)
    with open_store(url, read_only=True) as store:
        evidence = collect_evidence(store, student, assignment=assignment, number=number, settings=settings)
    if html:  # before anything is printed: who reads it may stop reading
        _write_page(html, evidence)
    if not as_json:
        _print_evidence(evidence)
    rerun = _train_again(evidence, trust_submissions, quiet=as_json) if reruns else None
    if rerun:
        if html:
            _write_page(html, evidence, rerun)
        if not as_json:
            _print_rerun(rerun)
    if as_json:
        click.echo(json.dumps(evidence.to_dict() | {"rerun": rerun and rerun.to_dict()}, indent=2, default=str))
    elif html:
        click.echo(f"\nWritten: {printable(str(html))}")
    is_fine = evidence.is_intact and (rerun is None or rerun.is_equal)
    sys.exit(ExitCode.SUCCESS if is_fine else ExitCode.NOT_PASSED)


def _settings_around(folder: Path) -> CourseSettings | None:
    """The settings of the course that FOLDER, or the folder around it, is the root of. Raises UsageError."""
    folder = folder.absolute()
    root = next((path for path in (folder, folder.parent) if (path / CONFIG).is_file()), None)
    if root is None:
        return None
    from autograder.gradebook.settings import read_settings

    return read_settings(root)


def _print_evidence(evidence: Evidence) -> None:
    from autograder.gradebook.explain.sections import sections
    from autograder.gradebook.explain.terminal import print_headline, print_sections

    print_headline(evidence)
    print_sections(sections(evidence))


def _train_again(evidence: Evidence, trust_submissions: bool, *, quiet: bool) -> Rerun:
    """Train with progress on stderr, what is not as it was first. Raises UsageError, GraderError."""
    from autograder.cli.terminal import GradingDisplay
    from autograder.gradebook.explain.rerun import changed_conditions, check_rerun, train_again

    verdict = check_rerun(evidence.verdict)
    with GradingDisplay(quiet=quiet) as display:
        for condition in changed_conditions(verdict):
            display.stage(printable(f"not as it was, so digits may differ: {condition}"))
        return train_again(verdict, display, trust_submissions=trust_submissions)


def _print_rerun(rerun: Rerun) -> None:
    from autograder.gradebook.explain.sections import rerun_section
    from autograder.gradebook.explain.terminal import print_sections

    print_sections([rerun_section(rerun)])


def _write_page(path: Path, evidence: Evidence, rerun: Rerun | None = None) -> None:
    from autograder.gradebook.explain.page import page
    from course.files import write_atomically

    try:
        write_atomically(path, page(evidence, rerun))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
