"""The table outside of the browser: a page for students, a file for a spreadsheet, a terminal."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from markupsafe import Markup
from rich.table import Table
from rich.text import Text

from autograder.console import VERDICT_COLORS, printable
from autograder.console.spreadsheets import csv_text
from autograder.grading.times import shown
from autograder.leaderboard.pages.render import RowRenderer, describe_progress, page, percent
from autograder.leaderboard.pages.site import STATIC
from autograder.leaderboard.ranking import LeaderboardRow
from autograder.store.secret import course_secret
from course.rules import load_rules

ANIMALS = (
    "Badger Beaver Bison Cheetah Crane Dolphin Eagle Falcon Ferret Gazelle Gecko Heron Ibex Jackal Kestrel Lemur "
    "Lynx Marten Newt Ocelot Otter Panda Puffin Raven Salmon Seal Stork Swift Tapir Turtle Walrus Wombat"
).split()
CSV_COLUMNS = (
    "rank student pseudonym verdict borderline official state parameters streak streak_first streak_last "
    "lowest_correct final_correct test_images epochs reached_in seeds_passed seeds device seconds attempt attempts "
    "submitted"
).split()


def pseudonym(student: str, key: bytes | None = None) -> str:
    """`Heron K7Q2M`: the same for a student and a course's secret always, and not to be found without the secret."""
    digest = hmac.digest(key or course_secret(), f"pseudonym/{student}".encode(errors="surrogatepass"), "sha256")
    return f"{ANIMALS[digest[0] % len(ANIMALS)]} {base64.b32encode(digest[1:5]).decode()[:5]}"


def students_page(rows: Sequence[LeaderboardRow], assignment: str, best: int = 0) -> str:
    """One self-contained page without students' names, files, sources or reasons, and without our faults.

    It shows the `best` ranks (more students if the last rank is shared); 0 shows everybody with a result.
    """
    with_result = [row for row in rows if row.baseline or row.rank is not None]
    shown = [row for row in with_result if not best or row.rank is None or row.rank <= best]
    others = sum(not row.baseline for row in rows) - sum(not row.baseline for row in shown)
    render, style = RowRenderer(), (STATIC / "leaderboard.css").read_text(encoding="utf-8")
    note = f"The best {best} are shown, and {others} more have handed in." if best and others else ""
    return page(
        "alone.html",
        assignment=assignment,
        rule=load_rules(assignment).describe(),
        note=note,
        made=dt.datetime.now(dt.UTC),
        rows=[render(row) for row in _with_pseudonyms(shown)],
        style=Markup(style),  # our own file; the page's policy allows it by its hash
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _with_pseudonyms(rows: Iterable[LeaderboardRow]) -> list[LeaderboardRow]:
    """In the same order, but equal ranks by pseudonym: their alphabetical order would be a hint to the names."""
    result: list[LeaderboardRow] = []
    for _, equal in groupby(rows, key=lambda row: (row.rank, row.key if row.baseline else "")):
        result += sorted((row if row.baseline else anonymous(row) for row in equal), key=lambda row: row.name)
    return result


def anonymous(row: LeaderboardRow) -> LeaderboardRow:
    """Without anything by which others could recognise the student; of the time of hand-in only the day remains."""
    day = row.handed_in and shown(row.handed_in).replace(hour=0, minute=0, second=0, microsecond=0)
    name = pseudonym(row.first_name or row.name)
    return replace(
        row, key="", name=name, first_name="", attempt_id=None, reason="", in_progress=None, handed_in=day
    )  # fmt: skip


def as_csv(rows: Iterable[LeaderboardRow]) -> str:
    """For TAs: names next to pseudonyms, integers as integers. No field is a formula for a spreadsheet."""
    return csv_text([CSV_COLUMNS, *(_csv_values(row) for row in rows if not row.baseline)], quote_text=True)


def _csv_values(row: LeaderboardRow) -> list[object]:
    streak: tuple[object, ...] = ("",) * 4
    result: tuple[object, ...] = ("",) * 4
    if row.streak:
        streak = (len(row.streak), row.streak.first, row.streak.last, row.streak.lowest)
    if row.correct:
        result = (row.correct[-1], row.total, len(row.correct), row.first_reached or "")
    return [
        *("" if row.rank is None else row.rank, row.name.strip(), pseudonym(row.first_name or row.name)),
        *(row.verdict, row.borderline, row.official, describe_progress(row.in_progress)),
        *("" if row.counted is None else row.counted, *streak, *result),
        *(row.passed, row.seeds, row.device, row.seconds, row.number, row.attempts),
        row.handed_in.isoformat() if row.handed_in else "",
    ]


def terminal_table(rows: Iterable[LeaderboardRow], assignment: str) -> Table:
    rules = load_rules(assignment).describe()
    table = Table(title=assignment, caption=rules, box=None, pad_edge=False, title_justify="left")
    for heading in ("rank", "student", "verdict", "counted", "streak", "final", "seeds", "try"):
        wraps = heading in ("student", "verdict")
        table.add_column(
            heading,
            justify="right" if heading in ("rank", "counted", "final") else "left",
            no_wrap=not wraps,
            min_width=16 if heading == "student" else None,
            overflow="fold" if wraps else "ellipsis",
        )
    for row in rows:
        table.add_row(*_terminal_cells(row), style="italic dim" if row.baseline else "")
    return table


def _terminal_cells(row: LeaderboardRow) -> list[str | Text]:
    verdict = Text(row.verdict + "?" * row.borderline, VERDICT_COLORS.get(row.verdict, ""))
    progress = Text(describe_progress(row.in_progress), "dim")
    return [
        "" if row.rank is None else f"{row.rank}{'=' * (row.ties > 1)}",
        Text(printable(row.name, 40)),
        Text(" ").join(part for part in (verdict, progress) if part),
        "" if row.counted is None else f"{row.counted:,}",
        f"{len(row.streak)}: {row.streak.first}-{row.streak.last}" if row.streak else "",
        percent(row.correct[-1], row.total) if row.correct else "",
        f"{row.passed}/{row.seeds}" if row.seeds else "",
        f"{row.number}/{row.attempts}" if row.number else str(row.attempts or ""),
    ]
