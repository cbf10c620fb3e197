"""Runs `nbgrader autograde` for one hand-in after another, in one process: `NbgraderProcess` starts it.

nbgrader and PyTorch are loaded once. Each line of stdin is a HandInToGrade as JSON, and is answered by a line on
stdout: a string that says what went wrong, empty if nothing did.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import queue
import sys
import threading
from dataclasses import dataclass
from typing import IO

from nbgrader.apps import AutogradeApp

from autograder.console import printable
from autograder.nbgrader_plugins.plain_hand_ins import PlainAutograde


@dataclass(frozen=True)
class HandInToGrade:
    """A folder in submitted/. `student` is its name; `force` as for `nbgrader autograde`."""

    student: str
    assignment: str
    force: bool = False


class _OneHandIn(PlainAutograde):
    """nbgrader's Autograde for one student, whose name is no pattern."""

    student = ""

    def init_notebooks(self) -> None:
        folder = self._format_source(self.coursedir.assignment_id, self.student)
        self.assignments = {folder: sorted(glob.glob(os.path.join(glob.escape(folder), "*.ipynb")))}


def autograde(hand_in: HandInToGrade) -> str:
    """Let nbgrader grade a hand-in of the course in this folder, with its settings. Returns what went wrong, if any."""
    errors = _Errors()
    app = AutogradeApp()
    try:
        app.initialize([])
        app.log.addHandler(errors)
        app.coursedir.assignment_id = hand_in.assignment
        app.coursedir.student_id = glob.escape(hand_in.student)
        converter = _OneHandIn(coursedir=app.coursedir, parent=app, force=hand_in.force)
        converter.student = hand_in.student
        converter.start()
    except (Exception, SystemExit) as error:
        return errors.reason() or printable(f"{type(error).__name__}: {error}", 500)
    finally:
        app.log.removeHandler(errors)
    return ""


class _Errors(logging.Handler):
    """Keeps what nbgrader logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage().strip())

    def reason(self) -> str:
        """The exception in the last traceback, else the last message."""
        tracebacks = [message for message in self._messages if message.startswith("Traceback")]
        lines = "".join((tracebacks or self._messages)[-1:]).splitlines()
        return printable(lines[-1].removeprefix("course.errors.GraderError: "), 500) if lines else ""


def main() -> None:
    answers = _only_for_answers()
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    while True:
        answers.write(json.dumps(autograde(HandInToGrade(**json.loads(requests.get())))) + "\n")
        answers.flush()


def _read(requests: queue.Queue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)  # whoever asks is gone, killed or done: what is unfinished is taken up the next time


def _only_for_answers() -> IO[str]:
    """stdout; what else is printed there goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
