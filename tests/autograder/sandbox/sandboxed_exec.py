"""Runs the Python on stdin once the process is locked: what a student's code could try."""

import sys
from pathlib import Path

from autograder.sandbox import lockdown

STUDENT = "tests.autograder.sandbox.sandboxed_exec"
STUDENT_FILES = (Path(__file__).parents[2] / "__init__.py", Path(__file__))  # what must be readable to run it


def main() -> None:
    lockdown()
    exec(compile(sys.stdin.read(), "student", "exec"), {"__name__": "student"})


if __name__ == "__main__":
    main()
