"""A course's shared grading server under JupyterHub: formgrader and the leaderboard, for its graders alone.

A piece of a hub's configuration, to be copied into it; the names are examples. Graders find the leaderboard at
/services/under8k/leaderboard, and in JupyterLab's View menu at /services/under8k/lab.
"""

import sys

c = get_config()  # noqa: F821 - JupyterHub hands it in

# who grades: instructors and TAs; everybody else is told 403 by the hub itself
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
        # "user": "grader-under8k",     # the account that owns the course's folder; the hub then runs as root
        # "cwd": "/home/grader-under8k/under8k",
        # a service gets no HOME of the hub's: say where the store is, and the secret that it was begun with
        # "environment": {"UNDER8K_STORE": "postgresql://grader@db/under8k", "UNDER8K_SECRET": "..."},
        "oauth_no_confirm": True,
    }
]
