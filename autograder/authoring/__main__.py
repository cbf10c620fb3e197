"""The commands for authors of lessons: `python -m autograder.authoring COMMAND`. The Makefile runs most of them.

    release [LESSON...]        source/ -> release/, without solutions
    check [LESSON...]          is release/ what source/ makes today?
    solutions [LESSON...]      source/ -> solutions/, with real training; 15 minutes or more a lesson
    course [LESSON...]         release, and enter into the gradebook
    calibrate [LESSON...]      what each lesson's own recipe reaches, seed by seed
    preview [LESSON...]        each lesson as a web page
    sequential-test FOLDER     the page about the rule near the threshold
    operators FOLDER           the page that lists the allowed operators
    bundle                     a folder for a machine without network

Without LESSON, a command takes all lessons in source/.
"""

from __future__ import annotations

import sys

import click
import nbformat

from autograder.authoring import lessons
from autograder.authoring.bundle import bundle
from autograder.authoring.calibrate import calibrate
from autograder.authoring.lessons import chosen_or_all, lesson_argument
from autograder.authoring.operators_page import operators
from autograder.authoring.preview import preview
from autograder.authoring.release import make_release, release_problems
from autograder.authoring.sequential_test import sequential_test
from autograder.authoring.solutions import is_up_to_date, solve
from autograder.console import report_errors
from autograder.gradebook.new_course.lessons import notebook_path
from autograder.gradebook.new_course.making import release_lessons
from course.files import write_atomically


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Make everything that is generated: releases and solutions from source/, and pages of the documentation."""


for command in (bundle, calibrate, operators, preview, sequential_test):
    main.add_command(command)


@main.command()
@lesson_argument
@report_errors
def release(chosen: tuple[str, ...]) -> None:
    """Write release/: the notebooks that students get, without the solutions."""
    for lesson in chosen_or_all(chosen):
        write_atomically(notebook_path(lessons.ROOT, "release", lesson), make_release(lessons.ROOT, lesson))
        click.echo(f"{lesson}: released")


@main.command()
@lesson_argument
@report_errors
def check(chosen: tuple[str, ...]) -> None:
    """Check that release/ is what source/ makes today. The exit code is 1 if it is not."""
    if problems := release_problems(lessons.ROOT, chosen_or_all(chosen)):
        click.echo("\n".join(problems), err=True)
        sys.exit(1)
    click.echo("release/ is what source/ makes.")


@main.command()
@lesson_argument
@report_errors
def course(chosen: tuple[str, ...]) -> None:
    """Make this clone a working course: release the lessons and enter them into the gradebook. Grades stay."""
    release_lessons(lessons.ROOT, chosen_or_all(chosen), click.echo)
    click.echo("Next: `nbgrader release_assignment NAME`, or formgrader in `jupyter lab`.")


@main.command()
@lesson_argument
@click.option("--force", is_flag=True, help="Execute finished lessons too, and train everything again.")
@report_errors
def solutions(chosen: tuple[str, ...], force: bool) -> None:
    """Write solutions/: the lessons executed from top to bottom, with real training."""
    from course import data

    names = chosen_or_all(chosen)
    data.ensure()  # now, so that the log of a download does not end up in a notebook
    for number, lesson in enumerate(names, start=1):
        label = f"{lesson} ({number} of {len(names)})"
        if not force and is_up_to_date(lessons.ROOT, lesson):
            click.echo(f"{label}: unchanged since it was run")
            continue
        click.echo(f"{label}: running")
        notebook = solve(lessons.ROOT, lesson, use_cache=not force)
        write_atomically(notebook_path(lessons.ROOT, "solutions", lesson), nbformat.writes(notebook) + "\n")
        click.echo(f"{label}: solved")


if __name__ == "__main__":
    main()
