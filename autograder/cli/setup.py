"""`autograder init`, `data` and `doctor`: a course of one's own, and what grading needs on this machine."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import click

from autograder.cli.options import json_option
from autograder.console import ExitCode, report_errors
from course.errors import UsageError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--update",
    is_flag=True,
    help="Bring up to date what you have not edited, and show each difference.",
)
@report_errors
def init(folder: Path, update: bool) -> None:
    """Make FOLDER a course of nbgrader's: lessons, settings, limits, and a README for whoever grades.

    Lessons are released and entered into the gradebook. Again and again: nothing that is there is lost or changed, and
    what a newer version of the package would change is told.

    \b
    Examples:
      autograder init ~/mnist-2027
      autograder init --update ~/mnist-2027
    """
    if importlib.util.find_spec("nbgrader") is None:
        raise UsageError("nbgrader is not installed, and it releases the lessons. Run `pip install 'under8k[grader]'`.")
    from autograder.gradebook.new_course.making import make_course

    make_course(folder, click.echo, update=update)


@click.command()
@report_errors
def data() -> None:
    """Download MNIST, or check the copy that is here, and print its folder.

    Exit code: 0, 3 no source of MNIST can be reached.
    """
    from course.data import ensure

    click.echo(ensure())


@click.command()
@json_option
@report_errors
def doctor(as_json: bool) -> None:
    """Check what this machine offers for grading.

    For everything that is missing it says what to do. It changes nothing.

    Exit code: 0 ready to grade, 1 something is missing.
    """
    from autograder.cli.doctor import run_checks

    findings = run_checks()
    if as_json:
        click.echo(json.dumps([finding.to_dict() for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.ok else click.style("miss", fg="yellow")
            click.echo(f"{mark} {finding.name:<10} {finding.text}")
            if finding.remedy:
                click.echo(f"{'':15} {finding.remedy}")
    sys.exit(ExitCode.SUCCESS if all(finding.ok or not finding.needed for finding in findings) else ExitCode.NOT_PASSED)
