"""The leaderboard: a table of the class that follows a running batch, and the details behind each row.

    jupyter leaderboard          on its own; or /leaderboard in any JupyterLab of this environment
    autograder leaderboard       in a terminal; --html and --csv write files

`class_state` reads the store and keeps the class in memory, `ranking` makes its rows and their order, `pages` turns
them into HTML. `app` serves the pages as a Jupyter extension, `export` writes the table for students, spreadsheets and
terminals. `baselines` are the published models and the course's own recipes.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from autograder.leaderboard.app import Leaderboard  # every Jupyter Server of the environment imports this package

    return [{"module": "autograder.leaderboard.app", "app": Leaderboard}]
