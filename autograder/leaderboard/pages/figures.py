"""What all figures share: they are plain data for Plotly, which the page's script draws in its own colours.

A trace's `role` names a colour of the style sheet. Plotly interprets some tags in texts, so that every text of a
student's is escaped here too.
"""

from __future__ import annotations

from html import escape
from typing import Any

from autograder.console import printable

Figure = dict[str, Any]


def plain(text: str, max_length: int = 80) -> str:
    """A student's text, so that Plotly shows it letter by letter."""
    return escape(printable(text, max_length))


def horizontal_goal(y: float) -> Figure:
    """A dashed line across the figure."""
    return {**_GOAL, "y0": y, "y1": y, "x0": 0, "x1": 1, "xref": "paper"}


def vertical_goal(x: float) -> Figure:
    return {**_GOAL, "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}


def label_at_right(text: str, y: float) -> Figure:
    """Text above a horizontal goal."""
    return {"text": text, "y": y, "x": 1, "xref": "paper", "xanchor": "right", "yanchor": "bottom", "showarrow": False}


_GOAL = {"type": "line", "role": "goal", "line": {"dash": "dash", "width": 1.5}}
