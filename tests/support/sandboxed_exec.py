"""Runs the Python on stdin once the process is locked: what a student's code could try."""

import sys
from pathlib import Path

from autograder.sandbox import Tier, lockdown

STUDENT = "tests.support.sandboxed_exec"
STUDENT_FILES = (Path(__file__).parents[1] / "__init__.py", Path(__file__))  # what must be readable to run it
ISOLATED = (Tier.BUBBLEWRAP, Tier.LANDLOCK)


def main() -> None:
    lockdown()
    exec(compile(sys.stdin.read(), "student", "exec"), {"__name__": "student"})


if __name__ == "__main__":
    main()
