"""`autograder regrade`: whose grade a changed rule or trainer changes, how to make that count, and the way back."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from autograder.cli.batch import BatchArguments, batch_arguments, grade_class
from autograder.console import ExitCode, print_warning, printable, report_errors
from autograder.console.text import nbgrader_command
from course.errors import plural

if TYPE_CHECKING:
    from autograder.batch import BatchSummary
    from autograder.gradebook.regrading import Direction, Unit
    from autograder.gradebook.settings import CourseSettings
    from autograder.grading.options import Options
    from autograder.grading.rejudge import GradeChange, Trained
    from autograder.store import GradedAttempt, Regrade, RegradeHistory, Store
    from autograder.store.counting.regrades import VerdictChange

CONFIG = "nbgrader_config.py"
MAX_NAMED = 3


@click.command()
@batch_arguments
@click.option("--student", "students", multiple=True, help="Regrade this student alone; may be given several times.")
@click.option("--verdict", "verdicts", multiple=True, help="Only who has this verdict now, such as borderline.")
@click.option("--all", "--everybody", "everything", is_flag=True, help="Also those for whom nothing has changed since.")
@click.option("--train", "trains", is_flag=True, help="Train what has to be trained to know it; nothing counts yet.")
@click.option("--again", is_flag=True, help="Train all that are chosen again, as if nothing were stored.")
@click.option("--apply", "applies", is_flag=True, help="Make the new verdicts count.")
@click.option("--undo", "undone", type=click.IntRange(1), metavar="NUMBER", help="Take a regrade back.")
@click.option("--list", "lists", is_flag=True, help="Show all regrades so far.")
@click.option("--reason", default="", help="Why; the store keeps it, with your user name and the time.")
@report_errors
def regrade(
    batch: BatchArguments,
    students: tuple[str, ...],
    verdicts: tuple[str, ...],
    everything: bool,
    trains: bool,
    again: bool,
    applies: bool,
    undone: int | None,
    lists: bool,
    reason: str,
) -> None:
    """Show whose grade a changed rule or trainer would change, make it count, or take it back.

    For each student with a hand-in in FOLDERS whose verdict was reached by other rules, options or training software
    than now, this shows the verdict before and after, and why. It judges the runs that are stored, so it takes
    seconds; what has to be trained first is named, and --train does it: finished epochs are kept, and the same command
    resumes. With --apply the new verdicts count, as one record with its reason; --undo takes it back. All verdicts are
    kept, and grades given by hand are never touched.

    --again trains again what is stored already, if something was wrong with a machine. The seeds stay the same, since
    they are drawn from the recipe: this is no way to luckier ones. With --ray such verdicts count at once, without a
    way back.

    In a course of nbgrader's, store and options are those of its nbgrader_config.py.

    \b
    Examples:
      autograder regrade ~/mycourse
      autograder regrade ~/mycourse --apply --reason "99.30 % is enough"
      autograder regrade ~/mycourse --undo 1 --reason "it was not"

    Exit code: 0, 1 some have to be trained first, 2 wrong use, 3 something cannot be read or graded, 130 interrupted.
    """
    from autograder.store import Regrade

    _check_use(applies or undone is not None or again, again, applies, bool(students or verdicts or everything), reason)
    course = _settings_of(batch.folders)
    batch = replace(batch, store_url=batch.store_url or (course.store_url if course else None))
    batch = replace(batch, options=_course_options(batch.options, course) if course else batch.options)
    chosen = _Chosen(students, verdicts, everything)
    if batch.ray_address and trains:
        raise click.UsageError("--train works on this machine alone. Leave out --ray.")
    if again and batch.ray_address:
        _train_again(batch, chosen, reason)
    elif lists:
        _list(batch)
    elif undone is not None:
        _undo(batch, course, undone, printable(reason).strip())
    else:
        regrade = Regrade(reason, datetime.now(UTC)) if again else None
        _compare(batch, course, chosen, printable(reason).strip() if applies else "", regrade, trains=trains or again)


@dataclass(frozen=True)
class _Chosen:
    students: tuple[str, ...]
    verdicts: tuple[str, ...]
    everything: bool


def _check_use(writes: bool, again: bool, applies: bool, has_chosen: bool, reason: str) -> None:
    if again and not has_chosen:
        raise click.UsageError("Say whom to regrade: --student NAME, --verdict VERDICT or --all.")
    if again and not applies:
        raise click.UsageError("What is trained again counts at once: give --apply as well.")
    if writes and not printable(reason).strip():
        raise click.UsageError("Missing option '--reason'. Say why in a few words: it stays in the store.")


def _settings_of(folders: Iterable[Path]) -> CourseSettings | None:
    """The settings of the first folder that is the root of a course of nbgrader's. Raises UsageError."""
    root = next((folder for folder in folders if (folder / CONFIG).is_file()), None)
    if root is None:
        return None
    from autograder.gradebook.settings import read_settings

    return read_settings(root)


def _course_options(given: Options, course: CourseSettings) -> Options:
    """The options of the command line, and where it says nothing those of the course."""
    from autograder.grading.options import ReducedRun

    of_course: dict[str, Any] = {
        "device": course.trained_score.device,
        "seeds": course.trained_score.seeds,
        "trust_submissions": course.trained_score.trust_submissions,
        "reduced": ReducedRun.from_config(course.trained_score.reduced) if course.trained_score.reduced else None,
    }
    source = click.get_current_context().get_parameter_source
    return replace(given, **{n: v for n, v in of_course.items() if source(n) is not ParameterSource.COMMANDLINE})


def _train_again(batch: BatchArguments, chosen: _Chosen, reason: str) -> None:
    from autograder.store import Regrade

    selection = None if chosen.everything else (chosen.students, chosen.verdicts)
    grade_class(batch, Regrade(reason, datetime.now(UTC)), selection)


# --- preview and apply


def _compare(
    batch: BatchArguments,
    course: CourseSettings | None,
    chosen: _Chosen,
    reason: str,
    regrade: Regrade | None,
    *,
    trains: bool,
) -> None:
    """Print what would change; with a `reason`, make it count. `trains`: what is missing, or with `regrade` all."""
    from autograder.gradebook.regrading import Grades, find_concerned
    from autograder.grading.rejudge import GradeChanges
    from autograder.store import open_store

    with open_store(batch.store_url, read_only=not (reason or trains)) as store:
        concerned = find_concerned(
            store, batch.folders, batch.assignment, batch.options.assignment, chosen.students, chosen.verdicts
        )
        judges = GradeChanges(store, batch.options, chosen.everything or regrade is not None)
        changes, report = judges.of(concerned.attempts), dict[str, Any]()
        if trains:
            todo = [r.before for change in changes for r in change.rejudged if regrade or r.missing]
            trained, summary = _train(batch, store, todo, regrade)
            changes, report = replace(judges, known=trained).of(concerned.attempts), summary.to_dict()
        replacements = [replacement for change in changes for replacement in change.replacements(reason)]
        number = store.regrades.apply(replacements, reason=reason).number if reason and replacements else None
        name = store.name
    grades = Grades(batch.options, course.trained_score if course else None)
    directions = Counter(map(grades.of, changes))
    directions["stay"] += concerned.grades - len(changes)
    if batch.as_json:
        rows = [_as_json(change, grades.of(change)) for change in changes]
        click.echo(json.dumps(report | {"regrade": number, "grades": dict(directions), "changes": rows}, indent=2))
    else:
        _print_changes(changes)
        _print_counts(directions)
        if concerned.waiting:
            click.echo(f"Without a verdict, and not compared: {concerned.waiting:,}. `autograder batch` grades them.")
        if number is not None:
            click.echo(f"Regrade {number} in {name} makes {plural(len(replacements), 'new verdict')} count.")
            _print_way_back(batch, number)
            moved = [change for change in changes if grades.of(change) in ("up", "down")]
            _print_gradebook([(change.assignment, change.student) for change in moved], course)
        elif replacements:
            click.echo("Nothing is changed yet. To make it count: --apply --reason TEXT (and --student NAME for some).")
        else:
            click.echo("There is nothing to apply.")
    sys.exit(ExitCode.NOT_PASSED if directions["unknown"] else ExitCode.SUCCESS)


def _train(
    batch: BatchArguments, store: Store, attempts: Sequence[GradedAttempt], regrade: Regrade | None
) -> tuple[Trained, BatchSummary]:
    """Train the attempts, with progress. Exits if it is interrupted."""
    from autograder.batch.training_again import train_attempts
    from autograder.batch.webhook import announce_end
    from autograder.cli.progress import BatchProgress

    with announce_end(batch.webhook, "autograder regrade", print_warning) as end:
        try:
            with BatchProgress(len(attempts), quiet=batch.as_json) as progress:
                end.verdicts = progress.verdicts
                return train_attempts(attempts, batch.options, store, progress, jobs=batch.jobs, regrade=regrade)
        except KeyboardInterrupt:
            click.echo("Interrupted. Finished epochs are kept, and nothing counts; the same command resumes.", err=True)
            sys.exit(ExitCode.INTERRUPTED)


def _as_json(change: GradeChange, direction: Direction) -> dict[str, Any]:
    return {
        "student": change.student,
        "assignment": change.assignment,
        "before": change.before.result.verdict,
        "after": change.after.result.verdict if change.after else None,
        "direction": direction,
        "needs": change.missing,
        "why": list(change.why),
        "reasons": list(change.after.result.reasons) if change.after else [],
    }


def _print_changes(changes: Sequence[GradeChange]) -> None:
    """A table for each assignment: those whose verdict changes, and those of whom it is not known."""
    from rich.table import Table
    from rich.text import Text

    from autograder.console import VERDICT_COLORS
    from autograder.console.rich_console import RichConsole

    for assignment in dict.fromkeys(change.assignment for change in changes):
        of_assignment = [change for change in changes if change.assignment == assignment]
        shown = [change for change in of_assignment if not _is_same(change)]
        table = Table("student", "before", "after", "why", title=assignment, box=None, pad_edge=False)
        table.title_justify = "left"
        for change in shown:
            before, after = change.before.result.verdict, change.after.result.verdict if change.after else ""
            table.add_row(
                Text(printable(change.student, 40)),
                Text(_describe(change.before), VERDICT_COLORS.get(before, "")),
                Text(_describe(change.after) or f"needs {change.missing}", VERDICT_COLORS.get(after, "")),
                Text(printable("; ".join(change.why) or "nothing has changed")),
            )
        if shown:
            RichConsole().print(table)
        same = [change.student for change in of_assignment if _is_same(change)]
        if same:
            more = f" and {len(same) - MAX_NAMED:,} more" if len(same) > MAX_NAMED else ""
            names = ", ".join(printable(name, 40) for name in same[:MAX_NAMED])
            reasons = "; ".join(
                dict.fromkeys(why for change in of_assignment if _is_same(change) for why in change.why)
            )
            click.echo(f"{assignment}: the same verdict for {names}{more} ({reasons or 'nothing has changed'}).")


def _is_same(change: GradeChange) -> bool:
    return change.after is not None and change.after.result.verdict == change.before.result.verdict


def _describe(attempt: GradedAttempt | None) -> str:
    """`fail 99.35%`, with the accuracy that was held."""
    from course.rules import held_level

    if attempt is None:
        return ""
    result, hold = attempt.result, attempt.rules["hold"]
    if not result.runs:
        return result.verdict
    held = median(held_level([] if run.ended else run.correct, hold) / run.total for run in result.runs)
    return f"{result.verdict}{'?' * result.borderline} {held:.2%}"


def _print_counts(directions: Counter[Direction]) -> None:
    unknown = f", {directions['unknown']:,} must be trained to know (--train)" if directions["unknown"] else ""
    click.echo(
        f"{plural(directions.total(), 'grade')}: {directions['up']:,} up, {directions['down']:,} down, "
        f"{directions['stay']:,} unchanged{unknown}."
    )


def _print_way_back(batch: BatchArguments, number: int) -> None:
    command = shlex.join(["autograder", "regrade", *map(str, batch.folders), "--undo", str(number)])
    click.echo(f"  To take it back: {command} --reason TEXT")


def _print_gradebook(moved: Sequence[Unit], course: CourseSettings | None) -> None:
    """What is left to do with nbgrader."""
    if course is None or not moved:
        return
    click.echo(f"  nbgrader's gradebook still has the points from before for {len(moved):,}. To mend that:")
    for assignment, student in moved[:MAX_NAMED]:
        click.echo("    " + nbgrader_command("autograde", assignment, student, force=True))
    if len(moved) > MAX_NAMED:
        click.echo("    and so on: `autograder audit` names the command for each.")


# --- the way back, and the history


def _undo(batch: BatchArguments, course: CourseSettings | None, number: int, reason: str) -> None:
    from autograder.gradebook.regrading import Grades, counting_attempts
    from autograder.store import open_store

    with open_store(batch.store_url) as store:
        before = counting_attempts(store)
        record = store.regrades.undo(number, reason=reason)
        after, name = counting_attempts(store), store.name
    directions = Grades(batch.options, course.trained_score if course else None).compare(before, after)
    counts = Counter(directions.values())
    if batch.as_json:
        click.echo(json.dumps({"regrade": record.number, "undoes": number, "grades": dict(counts)}, indent=2))
        return
    click.echo(f"Regrade {record.number} in {name}: regrade {number} is taken back.")
    _print_counts(counts)
    _print_way_back(batch, record.number)
    _print_gradebook([unit for unit, direction in sorted(directions.items()) if direction != "stay"], course)


def _list(batch: BatchArguments) -> None:
    from autograder.store import open_store

    with open_store(batch.store_url, read_only=True) as store:
        history, changes = store.regrades.history(), store.regrades.changes()
    if batch.as_json:
        records = [vars(r) | {"changed_at": r.changed_at.isoformat()} for r in history.records]
        records = [r | {"taken_back": r["number"] in history.undone} for r in records]
        for record in records:
            record["changes"] = [vars(change) for change in changes if change.regrade == record["number"]]
        click.echo(json.dumps(records, indent=2))
    else:
        click.echo(describe(history, changes))


def describe(history: RegradeHistory, changes: Sequence[VerdictChange]) -> str:
    """Who has regraded what, when and why."""
    if not history.records:
        return "Nothing was regraded so far."
    lines = []
    for record in history.records:
        verdicts = Counter((c.before, c.after) for c in changes if c.regrade == record.number and c.before != c.after)
        what = plural(record.verdicts, "new verdict")
        if record.undoes is not None:
            what = f"regrade {record.undoes} is taken back"
        elif verdicts:
            what += ": " + ", ".join(f"{n:,} {before} to {after}" for (before, after), n in verdicts.most_common())
        back = " [taken back]" if record.number in history.undone else ""
        lines.append(
            f"{record.number:>3}  {record.changed_at:%Y-%m-%d %H:%M} UTC  {what}{back}"
            f" ({printable(record.changed_by)}: {printable(record.reason)})"
        )
    return "\n".join(lines)
