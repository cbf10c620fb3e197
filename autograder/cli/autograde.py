"""`autograder autograde`: a class of nbgrader's at once, up to the gradebook."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.options import jobs_option, json_option, webhook_option
from autograder.console import ExitCode, print_warning, printable, report_errors

if TYPE_CHECKING:
    from autograder.batch import BatchSummary
    from autograder.batch.webhook import BatchEnd, Webhook
    from autograder.gradebook.autograde import ClassGrading, ClassReport
    from autograder.gradebook.collecting import Collected


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("--assignment", "assignments", multiple=True, help="Grade this one; may be given several times.")
@click.option(
    "--student", "students", multiple=True, help="Grade this student's or team's; may be given several times."
)
@jobs_option
@json_option
@webhook_option
@report_errors
def autograde(
    folder: Path,
    assignments: tuple[str, ...],
    students: tuple[str, ...],
    jobs: int | None,
    as_json: bool,
    webhook: Webhook | None,
) -> None:
    """Grade a class of nbgrader's at once, up to the gradebook.

    FOLDER is the root of a course of nbgrader's, by default this one. First this trains what lies in submitted/ and has
    no verdict by the present rules, several at a time. Then nbgrader's own autograde runs for every hand-in that it has
    not graded yet, or where `autograder audit` finds that it has to grade again; it takes the verdicts from the store
    and trains nothing. Settings are those of nbgrader_config.py.

    After an interruption of any kind, start the same command again: it resumes. It can run beside `nbgrader autograde`
    and `autograder batch`.

    \b
    Examples:
      autograder autograde ~/mycourse
      autograder autograde --assignment challenge --jobs 8

    Exit code: 0 every hand-in is graded, as far as a machine can, 1 some cannot be (each is named), 2 wrong use, 3 some
    could not be graded by a fault that is not theirs, 130 interrupted.
    """
    from autograder.batch.webhook import announce_end

    with announce_end(webhook, "autograder autograde", print_warning) as end:
        _grade(folder, assignments, students, jobs, as_json, end)


def _grade(
    folder: Path,
    assignments: tuple[str, ...],
    students: tuple[str, ...],
    jobs: int | None,
    as_json: bool,
    end: BatchEnd,
) -> None:
    """Grade, print and exit."""
    from autograder.batch.local import default_jobs
    from autograder.gradebook.autograde import ClassGrading, collect_class
    from autograder.gradebook.settings import read_settings
    from autograder.store import open_store

    settings = read_settings(folder)
    with open_store(settings.store_url, groupshared=settings.coursedir.groupshared) as store:
        grading = ClassGrading(settings, store, assignments, students)
        try:
            summary = _train(grading, jobs, end, quiet=as_json)
            failed = {(o.student, o.assignment) for o in summary.outcomes if o.verdict == "internal"}
            display = _CollectDisplay(quiet=as_json)
            collected = collect_class(grading, display, failed, jobs=jobs or default_jobs(grading.options()))
        except KeyboardInterrupt:
            click.echo("Interrupted. Finished results are kept; the same command resumes.", err=True)
            sys.exit(ExitCode.INTERRUPTED)
        report = grading.report()
        end.verdicts = report.verdicts
        if as_json:
            click.echo(json.dumps(_to_dict(summary, collected, report), indent=2))
        else:
            _print_report(grading, summary, report)
    if failed or any(result.problem for result in collected):
        sys.exit(ExitCode.INTERNAL)
    sys.exit(ExitCode.SUCCESS if report.is_done else ExitCode.NOT_PASSED)


def _train(grading: ClassGrading, jobs: int | None, end: BatchEnd, *, quiet: bool) -> BatchSummary:
    """Train what has no verdict."""
    from autograder.batch import BatchSummary, register_submissions, run_batch
    from autograder.cli.progress import BatchProgress

    untrained, notes = grading.untrained()
    for note in (*notes, *register_submissions(untrained, grading.store)):
        print_warning(note)
    if not untrained:
        return BatchSummary()
    with BatchProgress(len(untrained), quiet=quiet) as progress:
        end.verdicts = progress.verdicts
        return run_batch(untrained, grading.options(), grading.store, progress, jobs=jobs)


class _CollectDisplay:
    """The CollectDisplay on stderr, a line for each hand-in; with `quiet`, nothing."""

    def __init__(self, *, quiet: bool):
        self._quiet, self._count, self._done = quiet, 0, 0

    def collecting(self, count: int) -> None:
        self._count, self._done = count, 0

    def collected(self, result: Collected) -> None:
        self._done += 1
        if self._quiet:
            return
        name = f"{printable(result.hand_in.student, 40)}, {result.hand_in.assignment}"
        said = f"not graded  {name}: {result.problem}" if result.problem else f"in the gradebook  {name}"
        click.secho(f"[{self._done}/{self._count}] {said}", err=True, fg="red" if result.problem else None)


def _print_report(grading: ClassGrading, summary: BatchSummary, report: ClassReport) -> None:
    from autograder.batch.outcome import describe_verdicts
    from autograder.cli.progress import print_summary
    from autograder.gradebook.status import describe_states

    if summary.outcomes:
        print_summary(summary, grading.store.results.shared_recipes(), grading.store.name)
    for assignment in report.assignments:
        click.echo(f"{assignment.assignment}: {describe_verdicts(assignment.verdicts)}.")
        click.echo(f"  {describe_states(assignment.statuses)}")
        if assignment.feedback_step:
            click.echo(f"  Feedback is left to do: {assignment.feedback_step}")
    for sentence in report.left_out:
        click.secho(sentence, fg="yellow")
    if not report.assignments:
        click.echo("Nobody has handed in anything.")


def _to_dict(summary: BatchSummary, collected: list[Collected], report: ClassReport) -> dict[str, Any]:
    from autograder.gradebook.status import count_states

    return {
        "trained": summary.to_dict(),
        "collected": [dataclasses.asdict(each.hand_in) | {"problem": each.problem} for each in collected],
        "assignments": {
            each.assignment: {
                "verdicts": each.verdicts,
                "states": {count.state.name.lower(): list(count.students) for count in count_states(each.statuses)},
                "feedback": each.feedback_step,
            }
            for each in report.assignments
        },
        "left_out": list(report.left_out),
    }
