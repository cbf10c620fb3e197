"""The table outside of the browser: a page for students, a file for a spreadsheet, a terminal."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import hmac
import io
from dataclasses import replace
from itertools import groupby

from markupsafe import Markup
from rich.table import Table
from rich.text import Text

from autograder.console import VERDICT_COLORS, printable
from autograder.leaderboard.ranking import LeaderboardRow
from autograder.leaderboard.render import RowRenderer, page, percent, state
from autograder.leaderboard.site import STATIC
from autograder.leaderboard.views import in_words
from autograder.store.secret import course_secret
from course.rules import load_rules

ANIMALS = (
    "Badger Beaver Bison Cheetah Crane Dolphin Eagle Falcon Ferret Gazelle Gecko Heron Ibex Jackal Kestrel Lemur "
    "Lynx Marten Newt Ocelot Otter Panda Puffin Raven Salmon Seal Stork Swift Tapir Turtle Walrus Wombat"
).split()


def pseudonym(student: str, key: bytes | None = None) -> str:
    """Always the same for a student and a course's secret, and without the secret nobody's: `Heron K7Q2M`."""
    digest = hmac.digest(key or course_secret(), f"pseudonym/{student}".encode(errors="surrogatepass"), "sha256")
    return f"{ANIMALS[digest[0] % len(ANIMALS)]} {base64.b32encode(digest[1:5]).decode()[:5]}"


def for_students(rows: list[LeaderboardRow], assignment: str, best: int = 0) -> str:
    """One page with everything in it and nothing of a student's: no names, files, sources, reasons or faults of ours.

    `best`: so many ranked students, those who share the last rank included; 0 shows all who have a result.
    """
    everybody = [row for row in rows if row.baseline or row.rank is not None]
    shown = [row for row in everybody if row.baseline or not best or row.rank <= best]
    others = sum(not row.baseline for row in rows) - sum(not row.baseline for row in shown)
    render, style = RowRenderer(), (STATIC / "leaderboard.css").read_text(encoding="utf-8")
    note = f"The best {best} are shown, and {others} more have handed in." if best and others else ""
    return page(
        "alone.html",
        assignment=assignment,
        rule=in_words(load_rules(assignment)),
        note=note,
        made=dt.datetime.now(dt.UTC),
        rows=[render(row) for row in _without_names(shown)],
        style=Markup(style),  # ours, and its hash is the policy's
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _without_names(rows: list[LeaderboardRow]) -> list[LeaderboardRow]:
    """In the same order; those who share a rank by pseudonym, since the alphabet of their names tells something too."""
    found: list[LeaderboardRow] = []
    for _, same in groupby(rows, key=lambda row: (row.rank, row.key if row.baseline else "")):
        found += sorted((row if row.baseline else anonymous(row) for row in same), key=lambda row: row.name)
    return found


def anonymous(row: LeaderboardRow) -> LeaderboardRow:
    """Nothing by which others could know the student: of the time of hand-in the day alone is left."""
    day = row.handed_in and row.handed_in.replace(hour=0, minute=0, second=0, microsecond=0)
    return replace(row, key="", name=pseudonym(row.name), attempt_id=None, reason="", in_progress=None, handed_in=day)


def as_csv(rows: list[LeaderboardRow]) -> str:
    """For TAs: names beside pseudonyms, integers as integers. A field that a spreadsheet would compute is quoted."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(
        "rank student pseudonym verdict borderline official state parameters streak streak_first streak_last "
        "lowest_correct final_correct test_images epochs reached_in seeds_passed seeds device seconds attempt attempts "
        "submitted".split()
    )
    for row in rows:
        if not row.baseline:
            streak = (
                (len(row.streak), row.streak.first, row.streak.last, row.streak.lowest) if row.streak else ("",) * 4
            )
            result = (
                (row.correct[-1], row.total, len(row.correct), row.first_reached or "") if row.correct else ("",) * 4
            )
            writer.writerow(
                [
                    *("" if row.rank is None else row.rank, _harmless(row.name), pseudonym(row.name)),
                    *(row.verdict, row.borderline, row.official, state(row.in_progress)),
                    *("" if row.counted is None else row.counted, *streak, *result),
                    *(row.passed, row.seeds, row.device, row.seconds, row.number, row.attempts),
                    row.handed_in.isoformat() if row.handed_in else "",
                ]
            )
    return file.getvalue()


def _harmless(name: str) -> str:
    """A spreadsheet computes what begins so."""
    clean = printable(name, 200).strip()
    return f"'{clean}" if clean.startswith(("=", "+", "-", "@")) else clean


def for_terminal(rows: list[LeaderboardRow], assignment: str) -> Table:
    table = Table(
        title=assignment, caption=in_words(load_rules(assignment)), box=None, pad_edge=False, title_justify="left"
    )
    for heading in ("rank", "student", "verdict", "counted", "streak", "final", "seeds", "try"):
        right = heading in ("rank", "counted", "final")
        wraps = heading in ("student", "verdict")
        table.add_column(
            heading,
            justify="right" if right else "left",
            no_wrap=not wraps,
            min_width=16 if heading == "student" else None,
            overflow="fold" if wraps else "ellipsis",
        )
    for row in rows:
        verdict = Text(row.verdict + "?" * row.borderline, VERDICT_COLORS.get(row.verdict, ""))
        table.add_row(
            "" if row.rank is None else f"{row.rank}{'=' * (row.ties > 1)}",
            Text(printable(row.name, 40)),
            Text(" ").join(part for part in (verdict, Text(state(row.in_progress), "dim")) if part),
            "" if row.counted is None else f"{row.counted:,}",
            f"{len(row.streak)}: {row.streak.first}-{row.streak.last}" if row.streak else "",
            percent(row.correct[-1], row.total) if row.correct else "",
            f"{row.passed}/{row.seeds}" if row.seeds else "",
            f"{row.number}/{row.attempts}" if row.number else str(row.attempts or ""),
            style="italic dim" if row.baseline else "",
        )
    return table
