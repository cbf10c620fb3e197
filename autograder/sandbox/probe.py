"""Which tier works on this machine, found out by running it."""

from __future__ import annotations

import functools
import os
import sys
import tempfile

from autograder.sandbox.limits import Limits, Tier
from autograder.sandbox.supervisor import last_stderr_line, run
from course.errors import CourseError, UsageError

_LOCKED_TIERS = (Tier.BUBBLEWRAP, Tier.LANDLOCK)
_ATTEMPTS = """
import os, socket, sys
from autograder.sandbox import lockdown
lockdown()
for attempt, name in ((lambda: open(sys.argv[1]), "read a file"), (socket.socket, "open a socket"), (os.fork, "fork")):
    try:
        attempt()
    except OSError:
        continue
    sys.exit(f"A locked process could {name}.")
"""


@functools.cache
def tier_problem(tier: Tier) -> str | None:
    """Why a tier does not work here, as a sentence; None if it does. The first call tries it out, in about 0.2 s."""
    if sys.platform != "linux":
        return "It needs Linux."
    with tempfile.NamedTemporaryFile() as secret:
        try:
            result = run(["-c", _ATTEMPTS, secret.name], tier=tier, limits=Limits(seconds=30))
        except (CourseError, OSError) as error:
            return str(error)
    if result.ended == "exit" and result.returncode == 0:
        return None
    return (
        f"The trial ended with exit code {result.returncode} ({result.ended}). "
        f"Last line of stderr: {last_stderr_line(result.stderr) or 'none'}"
    )


def best_tier() -> Tier:
    """The best tier that works here; `Tier.NONE` if none does."""
    return next((tier for tier in _LOCKED_TIERS if tier_problem(tier) is None), Tier.NONE)


def choose_tier(trust_submissions: bool) -> Tier:
    """The tier to grade with. Raises UsageError if none works and submissions are not trusted."""
    if os.name != "posix":
        raise UsageError("Grading needs Linux, or macOS with --trust-submissions. On Windows, use WSL.")
    tier = best_tier()
    if tier is Tier.NONE and not trust_submissions:
        reasons = " ".join(f"{tier.name.capitalize()}: {tier_problem(tier)}" for tier in _LOCKED_TIERS)
        raise UsageError(
            f"No sandbox works here, so a submission could read and change your files and is not run. {reasons} "
            "Grade on Linux with bubblewrap installed, or pass --trust-submissions if you would run each one yourself."
        )
    return tier
