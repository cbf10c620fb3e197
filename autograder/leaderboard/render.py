"""Jinja templates -> HTML. Everything is escaped; nothing that a student wrote reaches a script or a style."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from functools import cache

import jinja2
from markupsafe import Markup

from autograder.console import printable
from autograder.leaderboard.ranking import LeaderboardRow
from autograder.store import AttemptInProgress

COLUMNS = (  # of the table: key, heading, what it says, on a telephone too?
    (
        "rank",
        "rank",
        "verdict, then parameters, streak, epochs, time of hand-in, unless the course says otherwise",
        True,
    ),
    ("name", "student", "", True),
    ("verdict", "verdict", "", True),
    ("counted", "parameters", "every number that the network can store", True),
    ("streak", "streak", "the longest run of epochs at the accuracy, and which they are", True),
    ("lowest", "lowest in it", "the lowest accuracy within the streak", False),
    ("final", "final", "accuracy of the last epoch", False),
    ("epochs", "epochs", "", False),
    ("reached", "reached in", "first epoch at the accuracy", False),
    ("seeds", "seeds", "runs that held the accuracy, of how many", False),
    ("device", "device", "", False),
    ("seconds", "training", "training time of all seeds, minutes:seconds", False),
    ("attempts", "attempt", "which attempt counts, of how many", False),
    ("handed", "submitted", "universal time", False),
    ("curve", "curve", "test accuracy epoch by epoch; the line is the accuracy to be held", True),
)
SPARK_WIDTH, SPARK_HEIGHT, SPARK_RANGE = 96, 22, 0.03  # pixels, and how far below the line a curve is drawn


def percent(part: int, whole: int) -> str:
    """9,949 of 10,000 -> "99.49": hundredths are exact for 10,000 images."""
    return f"{100 * part / whole:.2f}"


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}" if seconds else ""


def moment(when: dt.datetime | None) -> str:
    """In universal time; of midnight, which stands for a whole day, the day."""
    if when is None:
        return ""
    when = when.astimezone(dt.UTC)
    return when.strftime("%Y-%m-%d %H:%M" if when.time() != dt.time() else "%Y-%m-%d")


def state(waits: AttemptInProgress | None) -> str:
    """Where an attempt is on its way to a verdict, in words; empty when it is not."""
    if waits is None:
        return ""
    if waits.fault:
        return "ours to fix"
    return f"training (epoch {min(waits.finished + 1, waits.epochs)} of {waits.epochs})" if waits.epochs else "waiting"


def spark(row: LeaderboardRow) -> Markup:
    """The curve as a small SVG. Nothing in it is a student's text."""
    if not row.correct:
        return Markup()
    goal = row.needed / row.total
    low, high = goal - SPARK_RANGE, max(goal + 0.004, max(row.correct) / row.total)

    def y(share: float) -> float:
        return round(1 + (SPARK_HEIGHT - 2) * (high - min(max(share, low), high)) / (high - low), 1)

    step = (SPARK_WIDTH - 4) / max(1, len(row.correct) - 1)
    points = [(round(2 + n * step, 1), y(count / row.total)) for n, count in enumerate(row.correct)]
    words = f"from {percent(row.correct[0], row.total)} to {percent(row.correct[-1], row.total)} %"
    drawn = " ".join(f"{x},{height}" for x, height in points)
    return Markup(
        f'<svg class="spark" width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}" role="img" aria-label="{words}">'
        f'<line x1="0" x2="{SPARK_WIDTH}" y1="{y(goal)}" y2="{y(goal)}"/><polyline points="{drawn}"/>'
        f'<circle cx="{points[-1][0]}" cy="{points[-1][1]}" r="2"/></svg>'
    )


def as_json(value: object) -> Markup:
    """For a `<script type="application/json">`: no character in it ends the element."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.leaderboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": percent,
        "clock": clock,
        "moment": moment,
        "clean": printable,
        "as_json": as_json,
        "spark": spark,
        "state": state,
    }
    made.globals |= {"columns": COLUMNS}
    return made


def page(template: str, **values: object) -> str:
    return templates().get_template(template).render(**values)


class RowRenderer:
    """A row of the table; `base` is where its links lead, "" for none.

    A rank moves with everybody before it, so all else of a row is remembered.
    """

    def __init__(self, base: str = ""):
        self._base = base
        self._row = templates().get_template("_row.html")
        self._known: dict[str, tuple[LeaderboardRow, str]] = {}

    def __call__(self, row: LeaderboardRow) -> Markup:
        verdict = "baseline" if row.baseline else row.verdict or "none"
        kind = Markup(' class="baseline"') if row.baseline else ""
        rest = Markup(self._without_rank(replace(row, rank=None, ties=1)))
        return Markup('<tr data-key="{}" data-verdict="{}"{}>{}{}</tr>').format(
            row.key, verdict, kind, rank_cell(row), rest
        )

    def _without_rank(self, row: LeaderboardRow) -> str:
        known = self._known.get(row.key)
        if known is None or known[0] != row:
            known = self._known[row.key] = row, self._row.render(row=row, base=self._base)
        return known[1]


def rank_cell(row: LeaderboardRow) -> Markup:
    if row.rank is None:
        return Markup('<td class="number" data-v="999999"><span class="dim">{}</span></td>').format(
            "·" if row.baseline else "-"
        )
    tie = Markup('<span class="tie" title="{} share this rank">=</span>').format(row.ties) if row.ties > 1 else ""
    return Markup('<td class="number" data-v="{0}">{0}{1}</td>').format(row.rank, tie)
