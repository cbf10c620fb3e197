"""Runs commands of nbgrader's one after another: `python -m tests.support.nbgrader_at_once`, with JSON on stdin.

The JSON is a list of folders, each with the arguments of a command in it. A process for each would take seconds more.
"""

import json
import os
import sys
from contextlib import suppress

from jupyter_core.application import NoStart
from nbgrader.apps import NbGraderApp

if __name__ == "__main__":
    for folder, arguments in json.load(sys.stdin):
        os.chdir(folder)
        NbGraderApp.clear_instance()
        app = NbGraderApp.instance()
        app.initialize(arguments)
        with suppress(NoStart):  # a command within a command has done it
            app.start()
