"""`autograder audit` and `autograder status`: a course of nbgrader's, all places side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.options import json_option, store_option
from autograder.console import ExitCode, format_points, printable, report_errors
from course.errors import UsageError, plural

if TYPE_CHECKING:
    from autograder.gradebook.audit import Difference
    from autograder.gradebook.course_view import CourseView
    from autograder.gradebook.status import StudentStatus

NUMBERS = ("gradebook", "feedback", "export")  # columns of points
folder_argument = click.argument("folder", default=".", type=click.Path(path_type=Path))


@click.command()
@folder_argument
@click.option("--chain", is_flag=True, help="Check the store's chain of records as well, as `autograder verify` does.")
@store_option
@json_option
@report_errors
def audit(folder: Path, chain: bool, store_url: str | None, as_json: bool) -> None:
    """Compare all places that hold grades, and name each difference.

    FOLDER is the root of a course of nbgrader's, by default this one. For every student and assignment, this compares
    the gradebook, the store, the leaderboard, the hand-in, the feedback and what an export writes: points of the
    attempt that counts, late penalties, extensions, changed rules, interrupted gradings. It only reads.

    Exit code: 0 all agree, 1 there are differences, 2 wrong use, 3 something cannot be read.
    """
    from autograder.gradebook.audit import audit as compare

    view, problems = _read(folder, store_url, chain=chain)
    found = compare(view)
    if as_json:
        differences = [vars(difference) for difference in found.differences]
        _print_json({"students": found.students, "grades": found.grades, "differences": differences, "chain": problems})
    else:
        _print_differences(found.differences)
        for problem in problems:
            click.secho(problem, fg="red")
        compared = f"grades compared: {found.grades:,}, of students: {found.students:,}"
        if not found.differences and not problems:
            click.secho(f"Gradebook, store, leaderboard, feedback and exports agree ({compared}).", fg="green")
        else:
            click.echo(f"Differences: {len(found.differences) + len(problems)} ({compared}).")
    sys.exit(ExitCode.NOT_PASSED if found.differences or problems else ExitCode.SUCCESS)


@click.command()
@click.argument("assignments", nargs=-1)
@click.option(
    "--course-dir", "folder", default=".", type=click.Path(path_type=Path), help="The course's root.  [default: here]"
)
@click.option("--missing", is_flag=True, help="Show only those who have no grade.")
@store_option
@json_option
@report_errors
def status(assignments: tuple[str, ...], folder: Path, missing: bool, store_url: str | None, as_json: bool) -> None:
    """Show who has no grade, and why.

    One line for each student of the gradebook, of submitted/ and of the store, with the time of hand-in, the verdict,
    the points in the gradebook, in the feedback and in an export, and the next step. ASSIGNMENTS are all that somebody
    has handed in, unless some are named. It only reads.

    Exit code: 0, 2 wrong use, 3 something cannot be read.
    """
    from autograder.gradebook.status import status_of

    view, _ = _read(folder, store_url)
    if unknown := [name for name in assignments if name not in view.assignments]:
        raise UsageError(
            f"Nobody knows an assignment {unknown[0]!r} here. There is: {', '.join(view.assignments) or 'none'}."
        )
    by_assignment = {
        name: [status_of(work) for work in view.works if work.assignment == name]
        for name in assignments or view.handed_in()
    }
    if as_json:
        _print_json(_statuses_as_json(by_assignment, view.left_out))
        return
    for name, statuses in by_assignment.items():
        _print_statuses(name, [s for s in statuses if not (missing and s.has_grade)], statuses)
    for sentence in view.left_out:
        click.secho(sentence, fg="yellow")
    if not by_assignment:
        click.echo(f"Nobody has handed in anything. The gradebook has {plural(len(view.students), 'student')}.")


def _read(folder: Path, store_url: str | None, *, chain: bool = False) -> tuple[CourseView, list[str]]:
    """The course, and what is wrong with the store's chain if that was asked."""
    from autograder.gradebook import read_course, read_settings
    from autograder.store import open_store

    settings = read_settings(folder)
    with open_store(store_url or settings.store_url, read_only=True) as store:
        return read_course(settings, store), list(store.verify()) if chain else []


def _print_json(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, indent=2))


def _print_differences(differences: Sequence[Difference]) -> None:
    if not differences:
        return
    rows = [(each.student, each.assignment, each.sentence) for each in differences]
    _print_table(("student", "assignment", "difference"), rows, [each.next_step for each in differences])


def _print_statuses(assignment: str, shown: Sequence[StudentStatus], everybody: Sequence[StudentStatus]) -> None:
    from autograder.gradebook.status import describe_states

    headings = ("student", "handed in", "verdict", "gradebook", "feedback", "export", "state")
    _print_table(headings, map(_cells, shown), [status.next_step for status in shown], title=assignment)
    click.echo(describe_states(everybody))


def _print_table(
    headings: Iterable[str], rows: Iterable[Iterable[str]], next_steps: Iterable[str], title: str = ""
) -> None:
    """The rows as a table that fits the terminal, and below it each step on one line, whole: it is to be copied."""
    from rich.table import Table
    from rich.text import Text

    from autograder.console.rich_console import RichConsole

    table = Table(title=title or None, box=None, pad_edge=False, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in NUMBERS else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row))
    RichConsole().print(table)
    if steps := list(dict.fromkeys(filter(None, next_steps))):
        click.echo("\n".join(["Next steps:", *(f"  {printable(step)}" for step in steps)]))


def _cells(status: StudentStatus) -> list[str]:
    from autograder.grading.times import shown

    values = _values(status)
    time = status.work.hand_in and status.work.hand_in.time
    why = f"{status.state.value}: {status.reason}" if status.reason else status.state.value
    points = [values[name] for name in NUMBERS]
    return [
        status.work.student,
        f"{shown(time.time):%m-%d %H:%M}" if time else "",
        values["verdict"] or "",
        *("" if number is None else format_points(number) for number in points),
        why,
    ]


def _values(status: StudentStatus) -> dict[str, Any]:
    """What each place has; None where it has nothing. `gradebook` is before the late penalty."""
    work = status.work
    entry = work.entry if work.is_scored else None
    exported = work.entry.total if work.entry else 0.0 if work.enrolled else None
    return {
        "student": work.student,
        "enrolled": work.enrolled is not None,
        "handed_in": work.hand_in.time.time.isoformat() if work.hand_in and work.hand_in.time else None,
        "verdict": work.counting.verdict if work.counting else None,
        "gradebook": entry.score if entry else None,
        "late_penalty": entry.penalty if entry else None,
        "feedback": work.feedback.score if work.feedback else None,
        "export": exported,
        "state": status.state.name.lower(),
        "reason": status.reason,
        "next_step": status.next_step,
    }


def _statuses_as_json(by_assignment: dict[str, list[StudentStatus]], left_out: Sequence[str]) -> dict[str, Any]:
    from autograder.gradebook.status import count_states

    return {
        "assignments": {
            name: {
                "students": [_values(status) for status in statuses],
                "counts": {count.state.name.lower(): len(count.students) for count in count_states(statuses)},
            }
            for name, statuses in by_assignment.items()
        },
        "left_out": list(left_out),
    }
