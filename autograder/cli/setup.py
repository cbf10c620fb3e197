"""`autograder init` and `new-assignment`: a course of one's own. `data` and `doctor`: what grading needs here."""

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
@click.argument("name")
@click.option("--points", default=10.0, show_default=True, help="What a recipe that holds the accuracy is worth.")
@click.option("--max-parameters", type=int, help="Numbers that the network may store.")
@click.option("--max-epochs", type=int, help="Epochs that a recipe may ask for.")
@click.option("--accuracy", type=float, help="Test accuracy that must be held, from 0 to 1.")
@click.option("--hold", type=int, help="For so many consecutive epochs.")
@click.option("--data", help="mnist, fashion_mnist, kmnist, or a folder of the course, such as ./digits.")
@click.option("--train-images", type=int, help="Train on so many images of it.")
@click.option("--forbid", multiple=True, help="What a recipe may not have, as in rules.toml; may be repeated.")
@report_errors
def new_assignment(name: str, points: float, forbid: tuple[str, ...], **limits: float | str | None) -> None:
    """Add the assignment NAME to the course: a table in rules.toml, and a notebook in source/ to go on from.

    Limits that are not given are those of the packaged challenge. Edit both files as you like: the notebook holds no
    limit, its cells read the rules.

    \b
    Example:
      autograder new-assignment small --max-parameters 1999 --max-epochs 5 --accuracy 0.985 --hold 1
    """
    from dataclasses import asdict

    from autograder.gradebook.new_course.new_assignment import make_assignment
    from course.rules import PACKAGED, course_folder
    from course.rules.limits import read_rules, rules_from

    course = course_folder()
    if course is None:
        raise UsageError(
            "This folder is in no course. Go to one or name it with --course; `autograder init` makes one."
        )
    chosen = {key: value for key, value in limits.items() if value is not None}
    usual = asdict(read_rules(PACKAGED)["challenge"])
    usual.pop("assignment")
    rules = rules_from(name, usual | chosen | {"forbid": forbid})
    notebook = make_assignment(course, rules, points)
    click.echo(f"Written: {notebook}, and [{name}] in {course / PACKAGED.name}.")
    click.echo(f"Edit them, then release: nbgrader generate_assignment {name}")


@click.command()
@report_errors
def data() -> None:
    """Download MNIST, or the data sets that the course's rules name; check what is here, and print the folders.

    Exit code: 0, 3 one cannot be reached, or is not what its checksums say.
    """
    from course.data import DataSet, data_sets
    from course.rules import assignments, load_rules

    for data_set in data_sets():
        click.echo(data_set.files().folder)
    for name in assignments():
        DataSet.of(load_rules(name)).train_size  # noqa: B018 - raises DataError if there are too few images


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
