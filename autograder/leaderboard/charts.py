"""Figures for Plotly as plain data; the page's script draws them in its own colours.

A trace's `role` names a colour of the style sheet. Plotly reads some tags in texts, so every text of a student's is
escaped here once more.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from autograder.console import printable
from autograder.leaderboard.ranking import VERDICTS, LeaderboardRow
from autograder.store import AttemptSummary
from autograder.store.records import RunRecord
from course.inspection import Inspection
from course.rules import Rules

Figure = dict
LOWEST = 95.0  # per cent; below, a curve tells nothing about the goal


def plain(text: str, most: int = 80) -> str:
    """A student's text, as Plotly shows it letter by letter."""
    return escape(printable(text, most))


def curves(runs: Sequence[RunRecord], rules: Rules) -> Figure:
    """Test accuracy of each run and seed, with the line to be held."""
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": f"seed {run.seed}",
            "role": f"line{number % 6}",
            "x": [epoch.epoch for epoch in run.epochs],
            "y": [100 * epoch.accuracy for epoch in run.epochs],
            "customdata": [[epoch.correct, epoch.test_total, 100 * epoch.train_accuracy] for epoch in run.epochs],
            "hovertemplate": "epoch %{x}: %{y:.2f} % (%{customdata[0]:,} of %{customdata[1]:,}), "
            "training %{customdata[2]:.2f} %<extra></extra>",
        }
        for number, run in enumerate(runs)
    ]
    points = [y for trace in traces for y in trace["y"]]
    low = max(LOWEST, min(points, default=LOWEST)) if max(points, default=0) > LOWEST else min(points, default=0)
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": "epoch"}, "dtick": 1},
            "yaxis": {"title": {"text": "test accuracy, %"}, "range": [low - 0.1, 100.05]},
            "shapes": [_goal(y=100 * rules.accuracy)],
            "annotations": [_word(f"{rules.accuracy:.2%}", y=100 * rules.accuracy)],
            "showlegend": len(traces) > 1,
        },
    }


def budget(inspection: Inspection) -> Figure:
    """Where the parameters go, part by part."""
    parts = [part for part in inspection.parts if part.numbers][::-1]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "role": "line0",
                "x": [part.numbers for part in parts],
                "y": list(range(len(parts))),
                "customdata": [plain(part.name) for part in parts],
                "hovertemplate": "%{customdata}: %{x:,}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "parameters"}},
            "yaxis": {
                "tickvals": list(range(len(parts))),
                "ticktext": [plain(_short(part.name), 28) for part in parts],
                "automargin": True,
            },
            "height": 90 + 22 * len(parts),
        },
    }


def _short(name: str) -> str:
    return name.removeprefix("the tensor '").removesuffix("'")


def pareto(rows: Iterable[LeaderboardRow], rules: Rules) -> Figure:
    """Parameters against the accuracy that was held, and the front: nobody has fewer and holds more."""
    placed = [row for row in rows if row.correct and row.counted is not None]
    traces = []
    for verdict in VERDICTS:
        some = [row for row in placed if row.verdict == verdict and not row.baseline]
        if some:
            traces.append(_dots(some, verdict, verdict, "circle"))
    if others := [row for row in placed if row.baseline]:
        traces.append(_dots(others, "baselines", "muted", "diamond"))
    front = _front([row for row in placed if not row.baseline])
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Pareto front",
            "role": "muted",
            "line": {"shape": "hv", "dash": "dot"},
            "x": [row.counted for row in front],
            "y": [100 * row.level / row.total for row in front],
            "hoverinfo": "skip",
        }
    )
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": "parameters counted"}},
            "yaxis": {"title": {"text": f"held for {rules.hold} epochs, %"}},
            "shapes": [_goal(y=100 * rules.accuracy), _goal(x=rules.max_parameters)],
            "annotations": [_word(f"{rules.accuracy:.2%}", y=100 * rules.accuracy)],
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
        "y": [100 * row.level / row.total for row in rows],
        "customdata": [[plain(row.name, 40), row.attempt_id] for row in rows],
        "hovertemplate": "%{customdata[0]}: %{x:,} parameters, held %{y:.2f} %<extra></extra>",
    }


def _front(rows: list[LeaderboardRow]) -> list[LeaderboardRow]:
    front: list[LeaderboardRow] = []
    for row in sorted(rows, key=lambda r: (r.counted, -r.level / r.total)):
        if not front or row.level / row.total > front[-1].level / front[-1].total:
            front.append(row)
    return front


def verdicts(rows: Iterable[LeaderboardRow]) -> Figure:
    """How many students stand at which verdict."""
    counts = Counter(row.verdict or "none yet" for row in rows if not row.baseline)
    names = [name for name in (*VERDICTS, "none yet") if counts[name]]
    return {
        "data": [
            {
                "type": "bar",
                "roles": ["muted" if name == "none yet" else name for name in names],
                "x": names,
                "y": [counts[name] for name in names],
                "text": [counts[name] for name in names],
                "hovertemplate": "%{x}: %{y}<extra></extra>",
            }
        ],
        "layout": {"yaxis": {"title": {"text": "students"}, "rangemode": "tozero"}},
    }


def arrivals(attempts: Iterable[AttemptSummary]) -> Figure:
    """When attempts came in: by the day, or by the hour where they came within two days."""
    moments = sorted(seen.handed_in for seen in attempts)
    by_day = bool(moments) and moments[-1] - moments[0] > dt.timedelta(days=2)
    bins = Counter(m.strftime("%Y-%m-%d" if by_day else "%Y-%m-%d %H:00") for m in moments)
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


def stumbles(counted: Sequence[tuple[str, int]]) -> Figure:
    """What the class stumbles over: reasons, and how many students met each."""
    shown = list(counted)[::-1]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "role": "fail",
                "x": [number for _, number in shown],
                "y": list(range(len(shown))),
                "customdata": [plain(reason, 200) for reason, _ in shown],
                "hovertemplate": "%{customdata}: %{x}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "students"}, "rangemode": "tozero"},
            "yaxis": {
                "tickvals": list(range(len(shown))),
                "ticktext": [plain(reason, 60) for reason, _ in shown],
                "short": [plain(reason, 22) for reason, _ in shown],
                "automargin": True,
            },
            "height": 110 + 28 * len(shown),
        },
    }


def _goal(**at) -> Figure:
    axis, value = next(iter(at.items()))
    other = "x" if axis == "y" else "y"
    place = {f"{axis}0": value, f"{axis}1": value, f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper"}
    return {"type": "line", "role": "goal", "line": {"dash": "dash", "width": 1.5}, **place}


def _word(text: str, *, y: float) -> Figure:
    return {"text": text, "y": y, "x": 1, "xref": "paper", "xanchor": "right", "yanchor": "bottom", "showarrow": False}
