"""Jinja templates -> HTML. Everything is escaped; nothing that a student wrote reaches a script or a style."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import jinja2
from markupsafe import Markup

from autograder.console import printable
from autograder.grading.times import shown
from autograder.leaderboard.ranking import LeaderboardRow
from autograder.store import AttemptInProgress


class Column(NamedTuple):
    """A column of the table; `narrow` says that telephones show it too."""

    key: str
    heading: str
    meaning: str
    narrow: bool


COLUMNS = (
    Column(
        "rank",
        "rank",
        "verdict, then parameters, streak, epochs, time of hand-in, unless the course says otherwise",
        True,
    ),
    Column("name", "student", "", True),
    Column("verdict", "verdict", "", True),
    Column("counted", "parameters", "every number that the network can store", True),
    Column("streak", "streak", "the longest run of epochs at the accuracy, and which they are", True),
    Column("lowest", "lowest in it", "the lowest accuracy within the streak", False),
    Column("final", "final", "accuracy of the last epoch", False),
    Column("epochs", "epochs", "", False),
    Column("reached", "reached in", "first epoch at the accuracy", False),
    Column("seeds", "seeds", "runs that held the accuracy, of how many", False),
    Column("device", "device", "", False),
    Column("seconds", "training", "training time of all seeds, minutes:seconds", False),
    Column("attempts", "attempt", "which attempt counts, of how many", False),
    Column("handed", "submitted", "in the course's time zone", False),
    Column("curve", "curve", "test accuracy epoch by epoch; the line is the accuracy to be held", True),
)
SPARKLINE_WIDTH, SPARKLINE_HEIGHT = 96, 22  # pixels
SPARKLINE_RANGE = 0.03  # of accuracy, that is drawn below the line


def percent(part: int, whole: int) -> str:
    """9,949 of 10,000 -> "99.49": hundredths are exact for 10,000 images."""
    return f"{100 * part / whole:.2f}"


def minutes(seconds: float) -> str:
    """`2:05`; empty for no time."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}" if seconds else ""


def course_time(when: dt.datetime | None) -> str:
    """`2026-03-01 12:00`, or only the day for midnight, which stands for a whole day."""
    if when is None:
        return ""
    when = shown(when)
    return when.strftime("%Y-%m-%d %H:%M" if when.time() != dt.time() else "%Y-%m-%d")


def describe_progress(progress: AttemptInProgress | None) -> str:
    """The state of an attempt on its way to a verdict; empty if it is not."""
    if progress is None:
        return ""
    if progress.fault:
        return "ours to fix"
    if not progress.epochs:
        return "waiting"
    return f"training (epoch {min(progress.finished + 1, progress.epochs)} of {progress.epochs})"


def sparkline(row: LeaderboardRow) -> Markup:
    """The row's curve as a small SVG. It contains no text of a student's."""
    if not row.correct:
        return Markup()
    goal = row.needed / row.total
    low, high = goal - SPARKLINE_RANGE, max(goal + 0.004, max(row.correct) / row.total)

    def y(accuracy: float) -> float:
        visible = min(max(accuracy, low), high)
        return round(1 + (SPARKLINE_HEIGHT - 2) * (high - visible) / (high - low), 1)

    step = (SPARKLINE_WIDTH - 4) / max(1, len(row.correct) - 1)
    points = [(round(2 + n * step, 1), y(count / row.total)) for n, count in enumerate(row.correct)]
    label = f"from {percent(row.correct[0], row.total)} to {percent(row.correct[-1], row.total)} %"
    polyline = " ".join(f"{x},{height}" for x, height in points)
    return Markup(
        f'<svg class="spark" width="{SPARKLINE_WIDTH}" height="{SPARKLINE_HEIGHT}" role="img" aria-label="{label}">'
        f'<line x1="0" x2="{SPARKLINE_WIDTH}" y1="{y(goal)}" y2="{y(goal)}"/><polyline points="{polyline}"/>'
        f'<circle cx="{points[-1][0]}" cy="{points[-1][1]}" r="2"/></svg>'
    )


def as_json(value: object) -> Markup:
    """For a `<script type="application/json">`: no character in it ends the element."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.leaderboard.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "minutes": minutes,
        "course_time": course_time,
        "printable": printable,
        "as_json": as_json,
        "sparkline": sparkline,
        "describe_progress": describe_progress,
    }
    environment.globals |= {"columns": COLUMNS}
    return environment


def page(template: str, **values: object) -> str:
    return templates().get_template(template).render(**values)


class RowRenderer:
    """Renders rows of the table; `base` is the address that their links begin with, "" for no links.

    A rank changes with everybody before it, so that the rest of a row is cached without it.
    """

    def __init__(self, base: str = ""):
        self._base = base
        self._template = templates().get_template("_row.html")
        self._cache: dict[str, tuple[LeaderboardRow, str]] = {}

    def __call__(self, row: LeaderboardRow) -> Markup:
        verdict = "baseline" if row.baseline else row.verdict or "none"
        css_class = Markup(' class="baseline"') if row.baseline else ""
        rest = Markup(self._without_rank(replace(row, rank=None, ties=1)))  # escaped by the template
        return Markup('<tr data-key="{}" data-verdict="{}"{}>{}{}</tr>').format(
            row.key, verdict, css_class, rank_cell(row), rest
        )

    def _without_rank(self, row: LeaderboardRow) -> str:
        cached = self._cache.get(row.key)
        if cached is None or cached[0] != row:
            cached = self._cache[row.key] = row, self._template.render(row=row, base=self._base)
        return cached[1]


def rank_cell(row: LeaderboardRow) -> Markup:
    if row.rank is None:
        return Markup('<td class="number" data-v="999999"><span class="dim">{}</span></td>').format(
            "·" if row.baseline else "-"
        )
    tie = Markup('<span class="tie" title="{} share this rank">=</span>').format(row.ties) if row.ties > 1 else ""
    return Markup('<td class="number" data-v="{0}">{0}{1}</td>').format(row.rank, tie)
