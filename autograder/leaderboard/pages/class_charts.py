"""Figures of the class: parameters against accuracy, verdicts, times of hand-in, reasons."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence

from autograder.grading.times import shown
from autograder.leaderboard.pages.figures import Figure, horizontal_goal, label_at_right, plain, vertical_goal
from autograder.leaderboard.ranking import VERDICTS, LeaderboardRow
from autograder.store import AttemptSummary
from course.errors import plural
from course.rules import Rules

NO_VERDICT = "none yet"
_HOURLY = dt.timedelta(days=2)  # a class that handed in within this time is shown by the hour


def pareto_front(rows: Iterable[LeaderboardRow], rules: Rules) -> Figure:
    """Parameters against held accuracy, and the Pareto front: nobody has fewer parameters and holds more."""
    placed = [row for row in rows if row.correct and row.counted is not None]
    students = [row for row in placed if not row.baseline]
    groups = [(verdict, verdict, "circle", [row for row in students if row.verdict == verdict]) for verdict in VERDICTS]
    groups.append(("baselines", "muted", "diamond", [row for row in placed if row.baseline]))
    front = _front(students)
    front_line = {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "role": "muted",
        "line": {"shape": "hv", "dash": "dot"},
        "x": [row.counted for row in front],
        "y": [_held(row) for row in front],
        "hoverinfo": "skip",
    }
    return {
        "data": [*(_dots(group, name, role, symbol) for name, role, symbol, group in groups if group), front_line],
        "layout": {
            "xaxis": {"title": {"text": "parameters counted"}},
            "yaxis": {"title": {"text": f"held for {plural(rules.hold, 'epoch')}, %"}},
            "shapes": [horizontal_goal(100 * rules.accuracy), vertical_goal(rules.max_parameters)],
            "annotations": [label_at_right(f"{rules.accuracy:.2%}", 100 * rules.accuracy)],
        },
    }


def _dots(rows: list[LeaderboardRow], name: str, role: str, symbol: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "role": role,
        "marker": {"symbol": symbol, "size": 9},
        "x": [row.counted for row in rows],
        "y": [_held(row) for row in rows],
        "customdata": [[plain(row.name, 40), row.attempt_id] for row in rows],
        "hovertemplate": "%{customdata[0]}: %{x:,} parameters, held %{y:.2f} %<extra></extra>",
    }


def _front(rows: list[LeaderboardRow]) -> list[LeaderboardRow]:
    """By rising parameters, each row holds more than all before it."""
    front: list[LeaderboardRow] = []
    for row in sorted(rows, key=lambda row: (row.counted or 0, -_held(row))):
        if not front or _held(row) > _held(front[-1]):
            front.append(row)
    return front


def _held(row: LeaderboardRow) -> float:
    """Per cent."""
    return 100 * row.level / row.total


def verdict_counts(rows: Iterable[LeaderboardRow]) -> Figure:
    """The number of students with each verdict."""
    counts = Counter(row.verdict or NO_VERDICT for row in rows if not row.baseline)
    names = [name for name in (*VERDICTS, NO_VERDICT) if counts[name]]
    return {
        "data": [
            {
                "type": "bar",
                "roles": ["muted" if name == NO_VERDICT else name for name in names],
                "x": names,
                "y": [counts[name] for name in names],
                "text": [counts[name] for name in names],
                "hovertemplate": "%{x}: %{y}<extra></extra>",
            }
        ],
        "layout": {"yaxis": {"title": {"text": "students"}, "rangemode": "tozero"}},
    }


def hand_in_times(attempts: Iterable[AttemptSummary]) -> Figure:
    """The number of attempts for each day, or for each hour if all were handed in within two days."""
    times = sorted(shown(attempt.handed_in) for attempt in attempts)
    by_day = bool(times) and times[-1] - times[0] > _HOURLY
    bins = Counter(time.strftime("%Y-%m-%d" if by_day else "%Y-%m-%d %H:00") for time in times)
    return {
        "data": [
            {
                "type": "bar",
                "role": "line0",
                "x": list(bins),
                "y": list(bins.values()),
                "hovertemplate": "%{x}: %{y}<extra></extra>",
            }
        ],
        "layout": {"xaxis": {"type": "date"}, "yaxis": {"title": {"text": "attempts"}, "rangemode": "tozero"}},
    }


def reason_counts(reasons: Sequence[tuple[str, int]]) -> Figure:
    """Why attempts did not pass, and how many students met each reason; the first is at the top."""
    upwards = list(reasons)[::-1]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "role": "fail",
                "x": [students for _, students in upwards],
                "y": list(range(len(upwards))),
                "customdata": [plain(reason, 200) for reason, _ in upwards],
                "hovertemplate": "%{customdata}: %{x}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "students"}, "rangemode": "tozero"},
            "yaxis": {
                "tickvals": list(range(len(upwards))),
                "ticktext": [plain(reason, 60) for reason, _ in upwards],
                "short": [plain(reason, 22) for reason, _ in upwards],  # for narrow windows
                "automargin": True,
            },
            "height": 110 + 28 * len(upwards),
        },
    }
