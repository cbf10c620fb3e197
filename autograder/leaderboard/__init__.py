"""The leaderboard: a table of the class that follows a running batch, and what lies behind each row of it.

jupyter leaderboard                     # by itself; or /leaderboard in any JupyterLab of this environment
autograder leaderboard                  # in a terminal; --html and --csv write files

store -> classroom -> ranking -> render, charts, details -> app, export
"""


def _jupyter_server_extension_points() -> list[dict]:
    from autograder.leaderboard.app import Leaderboard

    return [{"module": "autograder.leaderboard.app", "app": Leaderboard}]
