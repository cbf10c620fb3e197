"""Figures of one attempt: its accuracy curves and its parameters."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.leaderboard.pages.figures import Figure, horizontal_goal, label_at_right, plain
from autograder.store.records import RunRecord
from course.inspection.record import Inspection
from course.rules import Rules

LOWEST = 95.0  # per cent, the lower end of the axis: below, a curve says nothing about the goal


def accuracy_curves(runs: Sequence[RunRecord], rules: Rules) -> Figure:
    """Test accuracy of each run, with the accuracy to be held as a line."""
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
    points = [100 * epoch.accuracy for run in runs for epoch in run.epochs]
    lowest = min(points, default=0.0)
    if max(points, default=0.0) > LOWEST:
        lowest = max(LOWEST, lowest)
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": "epoch"}, "dtick": 1},
            "yaxis": {"title": {"text": "test accuracy, %"}, "range": [lowest - 0.1, 100.05]},
            "shapes": [horizontal_goal(100 * rules.accuracy)],
            "annotations": [label_at_right(f"{rules.accuracy:.2%}", 100 * rules.accuracy)],
            "showlegend": len(traces) > 1,
        },
    }


def parameter_budget(inspection: Inspection) -> Figure:
    """Where the parameters are, part by part."""
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
