"""`autograder data` and `autograder doctor`: what grading needs on this machine."""

from __future__ import annotations

import json
import sys

import click

from autograder.cli.options import json_option
from autograder.console import ExitCode, report_errors


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
