"""`autograder students`: who is dropped, renamed, merged, hidden or in a team."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.options import Command, json_option, store_option
from autograder.console import printable, report_errors, student_name
from course.errors import UsageError

if TYPE_CHECKING:
    from autograder.store import ClassChange, Roster, Store
    from autograder.store.class_changes import ChangeKind

CONFIG = "nbgrader_config.py"
course_option = click.option(
    "--course-dir",
    "course",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"The course: gradebook and submitted/ know the students, {CONFIG} the store.  [default: here]",
)


def _change_options(command: Callable[..., None]) -> Command:
    """Decorate a command that makes a change: it is called with `changes`, a _Changes, in place of these options."""

    @functools.wraps(command)
    def with_options(store_url: str | None, course: Path | None, reason: str, unknown: bool, **arguments: Any) -> None:
        command(changes=_Changes(store_url, course, reason, unknown), **arguments)

    decorated: Command = with_options
    for decorate in (
        store_option,
        course_option,
        click.option("--unknown", is_flag=True, help="Take names of which nothing is known yet."),
        click.option("--reason", required=True, help="Why; the store keeps it, with your user name and the time."),
    ):
        decorated = decorate(decorated)
    return decorated


@click.group()
def students() -> None:
    """Change who is in the class: drop, rename, merge, hide, teams.

    Each change is a record in the store. Nothing is deleted: hand-ins stay under the name under which they came, and
    `undo` takes a change back. Leaderboards and exports follow at once.
    """


@students.command()
@click.argument("student")
@_change_options
@report_errors
def drop(changes: _Changes, student: str) -> None:
    """STUDENT left the course: not on the leaderboard, not in exports, not graded by `batch`."""
    changes.make("drop", student)


@students.command()
@click.argument("old")
@click.argument("new")
@_change_options
@report_errors
def rename(changes: _Changes, old: str, new: str) -> None:
    """OLD has the id NEW from now on. All attempts stay the student's, and so does the pseudonym."""
    changes.make("rename", old, new)


@students.command()
@click.argument("names", nargs=-1, required=True, metavar="OLD into NEW")
@_change_options
@report_errors
def merge(changes: _Changes, names: tuple[str, ...]) -> None:
    """OLD and NEW are one person, called NEW. Their attempts are counted together."""
    if len(names) == 3 and names[1].lower() == "into":
        names = (names[0], names[2])
    if len(names) != 2:
        raise click.UsageError("Say who becomes whom: autograder students merge OLD into NEW.")
    changes.make("merge", *names)


@students.command()
@click.argument("student")
@_change_options
@report_errors
def hide(changes: _Changes, student: str) -> None:
    """Leave STUDENT, or a team, out of the leaderboard; grades and exports stay."""
    changes.make("hide", student)


@students.command()
@click.argument("student")
@_change_options
@report_errors
def show(changes: _Changes, student: str) -> None:
    """Take back `hide`."""
    changes.show(student)


@students.command()
@click.argument("team")
@click.argument("members", nargs=-1, required=True)
@click.option("--assignment", default="challenge", show_default=True, help="What they hand in together.")
@_change_options
@report_errors
def team(changes: _Changes, team: str, members: tuple[str, ...], assignment: str) -> None:
    """TEAM, a name of its own, hands in once for its two or three MEMBERS.

    What any of them, or a folder with the team's name, has handed in to the assignment counts for all of them.
    """
    from course.rules import load_rules

    load_rules(assignment)
    changes.make("team", team, *members, assignment=assignment)


@students.command()
@click.argument("number", type=click.IntRange(1))
@_change_options
@report_errors
def undo(changes: _Changes, number: int) -> None:
    """Take back change NUMBER, as `list` shows it, by another record."""
    changes.undo(number)


@students.command("list")
@store_option
@course_option
@json_option
@report_errors
def list_changes(store_url: str | None, course: Path | None, as_json: bool) -> None:
    """Show who is dropped, renamed, merged, hidden or in a team now, and all changes so far."""
    from autograder.store import open_store

    with open_store(_of_course(store_url, course)[0], read_only=True) as store:
        roster = store.class_changes.roster()
    if as_json:
        records = [asdict(change) | {"changed_at": change.changed_at.isoformat()} for change in roster.changes]
        records = [record | {"taken_back": record["number"] in roster.undone} for record in records]
        click.echo(json.dumps(records, indent=2))
    else:
        click.echo(describe(roster))


class _Changes:
    """Makes changes in a store, and says what follows from them."""

    def __init__(self, store_url: str | None, course: Path | None, reason: str, unknown: bool):
        self._store_url, self._course, self._unknown = store_url, course, unknown
        self._reason = printable(reason).strip()

    def make(self, kind: ChangeKind, *names: str, assignment: str = "") -> None:
        clean = [_clean(name) for name in names]
        with self._open() as (store, of_course):
            known = None if self._unknown else of_course
            self._tell(store, store.class_changes.record(kind, clean, assignment, reason=self._reason, known=known))

    def show(self, name: str) -> None:
        with self._open() as (store, _):
            roster = store.class_changes.roster()
            hidden = {
                roster.student(change.names[0]): change.number for change in roster.in_force if change.kind == "hide"
            }
            if (student := roster.student(_clean(name))) not in hidden:
                raise UsageError(f"{name} is not hidden. Hidden: {', '.join(hidden) or 'nobody'}.")
            self._undo(store, hidden[student])

    def undo(self, number: int) -> None:
        with self._open() as (store, _):
            self._undo(store, number)

    def _undo(self, store: Store, number: int) -> None:
        self._tell(store, store.class_changes.record("undo", (), reason=self._reason, undoes=number))

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[Store, list[str]]]:
        """The store, and the students that the course knows. Raises UsageError."""
        from autograder.store import open_store

        if not self._reason:
            raise UsageError("--reason is empty. Say why in a few words: it stays in the store.")
        store_url, known = _of_course(self._store_url, self._course)
        with open_store(store_url) as store:
            yield store, known

    def _tell(self, store: Store, change: ClassChange) -> None:
        click.echo(f"Change {change.number} in {store.name}: {printable(str(change))}.")
        for sentence in consequences(change, store.class_changes.roster()):
            click.echo(f"  {printable(sentence)}")
        click.echo(f"  To take it back: autograder students undo {change.number} --reason TEXT")


def _of_course(store_url: str | None, course: Path | None) -> tuple[str | None, list[str]]:
    """The store to use, and the ids of the students in gradebook and submitted/. Raises UsageError, GraderError."""
    if course is None and not Path(CONFIG).is_file():
        return store_url, []
    from autograder.gradebook.entries import read_gradebook
    from autograder.gradebook.folders import submitting_students
    from autograder.gradebook.settings import read_settings
    from autograder.nbgrader_plugins.given_grades import LatePenalties

    settings = read_settings(course or Path())
    gradebook = read_gradebook(settings.coursedir.db_url, LatePenalties(config=settings.config))
    enrolled = [student_name(student.id) for student in gradebook.students]
    return store_url or settings.store_url, [*enrolled, *submitting_students(settings)]


def consequences(change: ClassChange, roster: Roster) -> list[str]:
    """What an instructor has to know, or to do with nbgrader, after a change."""
    kept = "nbgrader's gradebook keeps each grade under the name of its hand-in"
    match change.kind:
        case "rename" | "merge":
            old, new = change.names
            names = " and ".join(roster.names(roster.student(new), ""))
            return [
                f"{kept}. Exports list {roster.student(new)}, with the newest hand-in of {names}.",
                f"With nbgrader nothing is to do. What comes as {old} later counts for {new} too.",
            ]
        case "team":
            team, *members = change.names
            return [
                f"{kept}. Exports give each of {', '.join(members)} the team's newest one; {team} itself has no row.",
                f"nbgrader has feedback for whoever handed in: copy feedback/NAME/{change.assignment} for the others.",
            ]
        case "drop":
            return [f"{kept}. Exports leave {change.names[0]} out. Remove nothing from the gradebook."]
    return []


def describe(roster: Roster) -> str:
    """The present state, and the history."""
    if not roster.changes:
        return "The class is as it handed in: nobody is dropped, renamed, merged, hidden or in a team."
    lines = ["In force:", *(f"  {printable(str(change))}" for change in roster.in_force)]
    if not roster.in_force:
        lines = ["In force: nothing; every change was taken back."]
    lines.append("History:")
    for change in roster.changes:
        back = " [taken back]" if change.number in roster.undone else ""
        lines.append(
            f"  {change.number:>3}  {change.changed_at:%Y-%m-%d %H:%M} UTC  {printable(str(change))}{back}"
            f" ({printable(change.changed_by)}: {printable(change.reason)})"
        )
    return "\n".join(lines)


def _clean(name: str) -> str:
    """An id as the store has it. Raises UsageError."""
    clean = student_name(name)
    if not clean.strip() or clean != printable(clean, 200) or "/" in clean:
        raise UsageError(f"{printable(name, 200)!r} is no id: 1 to 200 visible characters without / are.")
    return clean
