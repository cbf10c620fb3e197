"""`autograder batch`: a class of submissions."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.options import (
    TRAINING_OPTIONS,
    Command,
    grading_options,
    jobs_option,
    json_option,
    store_option,
    webhook_option,
)
from autograder.console import ExitCode, print_warning, report_errors
from autograder.grading.options import Options

if TYPE_CHECKING:
    from autograder.batch import BatchSummary
    from autograder.batch.webhook import BatchEnd, Webhook
    from autograder.store import Regrade


@dataclass(frozen=True)
class BatchArguments:
    """What `batch` and `regrade` have in common."""

    folders: tuple[Path, ...]
    assignment: str | None
    options: Options
    jobs: int | None
    ray_address: str | None
    store_url: str | None
    as_json: bool
    webhook: Webhook | None


def batch_arguments(command: Callable[..., None]) -> Command:
    """Decorate a command with these arguments and options; it is called with `batch`, a BatchArguments."""

    @functools.wraps(command)
    def with_arguments(**arguments: Any) -> None:
        names = [field.name for field in dataclasses.fields(BatchArguments)]
        command(batch=BatchArguments(**{name: arguments.pop(name) for name in names}), **arguments)

    decorators: tuple[Callable[[Command], Command], ...] = (
        click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option("--assignment", help="Grade only this one.  [default: all; for plain files, challenge]"),
        jobs_option,
        grading_options(*TRAINING_OPTIONS),
        click.option(
            "--ray",
            "ray_address",
            metavar="ADDRESS",
            help="Grade on the Ray cluster at host:port, or auto. Its machines and this one share a PostgreSQL store.",
        ),
        store_option,
        json_option,
        webhook_option,
    )
    decorated: Command = with_arguments
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return decorated


@click.command()
@batch_arguments
@report_errors
def batch(batch: BatchArguments) -> None:
    """Grade a class, several submissions at a time.

    This grades every submission in FOLDERS that has no verdict yet. A folder is a course in nbgrader's layout
    (submitted/<student>/<assignment>/<file>) or its `submitted`. In any other folder each file is a submission, named
    after its student.

    Results are kept in the store as they come. After an interruption, start the same command again: it resumes. Two
    batches at once on one store share the work.

    \b
    Examples:
      autograder batch ~/mycourse
      autograder batch --assignment challenge --jobs 8 ~/mycourse/submitted

    Exit code: 0 every submission has its verdict, 1 so it is, but something that may be a submission was left out (each
    is named), 2 wrong use, 3 some could not be graded by a fault that is not theirs, 130 interrupted.
    """
    grade_class(batch)


def grade_class(
    batch: BatchArguments,
    regrade: Regrade | None = None,
    selection: tuple[tuple[str, ...], tuple[str, ...]] | None = None,
) -> None:
    """Grade, print, tell the webhook and exit. `selection` is whom to regrade, as for `_grade`."""
    from autograder.batch.webhook import announce_end

    with announce_end(batch.webhook, f"autograder {'regrade' if regrade else 'batch'}", print_warning) as end:
        _grade(batch, regrade, selection, end)


def _grade(
    batch: BatchArguments,
    regrade: Regrade | None,
    selection: tuple[tuple[str, ...], tuple[str, ...]] | None,
    end: BatchEnd,
) -> None:
    """Grade, print and exit. `selection` is the students and the verdicts to regrade; None is everybody."""
    from autograder.batch import find_submissions, register_submissions, select_submissions, without_dropped
    from autograder.cli.progress import BatchProgress, print_summary
    from autograder.grading.times import course_zone
    from autograder.store import open_store
    from course.rules import choose_course, course_around, course_folder

    course_zone()  # a name that is none is told before anything is graded
    run_batch = _runner(batch.ray_address)
    if course_folder() is None and (around := course_around(batch.folders[0])):
        choose_course(around)
    found = find_submissions(batch.folders, batch.assignment, batch.options.assignment)
    for note in found.notes:
        print_warning(note)
    with open_store(batch.store_url) as store:
        submissions, dropped = without_dropped(found.submissions, store)
        for note in dropped:
            print_warning(note)
        if selection:
            submissions = tuple(select_submissions(submissions, store, *selection))
        try:
            for note in register_submissions(submissions, store):
                print_warning(note)
            with BatchProgress(len(submissions), quiet=batch.as_json) as progress:
                end.verdicts = progress.verdicts
                summary = run_batch(submissions, batch.options, store, progress, jobs=batch.jobs, regrade=regrade)
        except KeyboardInterrupt:
            click.echo("Interrupted. Finished results are kept; the same command resumes.", err=True)
            sys.exit(ExitCode.INTERRUPTED)
        if batch.as_json:
            click.echo(json.dumps(summary.to_dict() | {"left_out": found.missing}, indent=2))
        else:
            print_summary(summary, store.results.shared_recipes(batch.assignment), store.name, found.missing)
    if "internal" in summary.verdicts:
        sys.exit(ExitCode.INTERNAL)
    sys.exit(ExitCode.NOT_PASSED if found.missing else ExitCode.SUCCESS)


def _runner(ray_address: str | None) -> Callable[..., BatchSummary]:
    """What grades the submissions: this machine, or a Ray cluster."""
    if ray_address is None:
        from autograder.batch import run_batch

        return run_batch
    from autograder.batch.ray_cluster import run_on_ray

    return functools.partial(run_on_ray, ray_address)
