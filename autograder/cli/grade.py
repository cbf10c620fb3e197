"""`autograder grade` and `autograder inspect`: one submission."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click

from autograder.cli.options import TRAINING_OPTIONS, file_argument, grading_options, json_option, store_option
from autograder.console import ExitCode, report_errors
from autograder.grading.options import SMOKE_RUN, Options


@click.command()
@file_argument
@grading_options("assignment", *TRAINING_OPTIONS)
@click.option("--quick", is_flag=True, help=f"Try the grading out in less than a minute: --reduced {SMOKE_RUN}.")
@click.option("--student", help="Whose attempt this is.  [default: as nbgrader's folders say]")
@store_option
@click.option("--no-store", is_flag=True, help="Train in any case, and keep no result.")
@json_option
@report_errors
def grade(
    file: Path,
    options: Options,
    quick: bool,
    student: str | None,
    store_url: str | None,
    no_store: bool,
    as_json: bool,
) -> None:
    """Train the recipe in FILE and print the verdict.

    FILE is a notebook, of which only the cell with the grade_id "recipe" is read, or a Python file. It binds the name
    `recipe`. The seeds are the grader's own.

    An interrupted run resumes after its last finished epoch. A recipe that was trained before is answered from the
    store in seconds: its seeds do not change, and so neither would the result.

    \b
    Examples:
      autograder grade challenge.ipynb
      autograder grade --quick --device cpu challenge.ipynb

    Exit code: 0 passed, 1 not passed, 2 wrong use, 3 a fault that is not the student's.
    """
    from autograder.cli.terminal import GradingDisplay, print_verdict
    from autograder.grading import pipeline
    from autograder.grading.attempts import student_of
    from autograder.store import open_store

    if quick:
        options = replace(options, reduced=SMOKE_RUN)
    with (
        GradingDisplay(quiet=as_json) as listener,
        nullcontext() if no_store else open_store(store_url) as store,
    ):
        result = pipeline.grade(file, options, listener, store=store, student=student or student_of(file))
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    else:
        print_verdict(result)
    sys.exit(_exit_code(result.verdict))


@click.command()
@file_argument
@grading_options("assignment", "trust_submissions")
@json_option
@report_errors
def inspect(file: Path, options: Options, as_json: bool) -> None:
    """Inspect the recipe in FILE without training it.

    This reports the recipe as it was understood: the number of parameters, the layers, transforms, optimizer and
    schedule, about how long it will train, and the rules that it breaks. With --json, the verdict is null if it may be
    trained.

    Exit code: 0 it may be trained, 1 it would be refused, 2 wrong use, 3 a fault that is not the student's.
    """
    from autograder.cli.terminal import GradingDisplay, print_inspection
    from autograder.grading import pipeline

    with GradingDisplay(quiet=as_json) as listener:
        result = pipeline.inspect_only(file, options, listener)
    if as_json:
        verdict = result.verdict if result.reasons else None
        click.echo(json.dumps(result.to_dict() | {"verdict": verdict}, indent=2))
    else:
        print_inspection(result)
    sys.exit(_exit_code(result.verdict) if result.reasons else ExitCode.SUCCESS)


def _exit_code(verdict: str) -> ExitCode:
    return {"pass": ExitCode.SUCCESS, "internal": ExitCode.INTERNAL}.get(verdict, ExitCode.NOT_PASSED)
