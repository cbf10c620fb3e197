"""A course's shared grading server under JupyterHub: formgrader and the leaderboard, for its graders alone.

Copy this into the hub's own configuration and change the names, which are examples. Graders find the leaderboard at
/services/under8k/leaderboard, and in the View menu of JupyterLab at /services/under8k/lab.
"""

import sys

c = get_config()  # noqa: F821 - defined by JupyterHub

# instructors and TAs; the hub itself answers 403 to everybody else
c.JupyterHub.load_groups = {"under8k-graders": {"users": ["instructor", "ta"]}}
c.JupyterHub.load_roles = [
    {
        "name": "under8k-graders",
        "groups": ["under8k-graders"],
        "scopes": ["access:services!service=under8k"],
    }
]

c.JupyterHub.services = [
    {
        "name": "under8k",
        "url": "http://127.0.0.1:9998",
        "command": [sys.executable, "-m", "jupyterhub.singleuser"],
        # "user": "grader-under8k",     # the account that owns the course's folder; needs a hub that runs as root
        # "cwd": "/home/grader-under8k/under8k",
        # a service does not get the hub's HOME: set the store, and the course secret that it was begun with
        # "environment": {"UNDER8K_STORE": "postgresql://grader@db/under8k", "UNDER8K_SECRET": "..."},
        "oauth_no_confirm": True,
    }
]
