"""Which tier is chosen, and what is said where none works."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autograder.sandbox import Tier, best_tier, choose_tier, tier_problem
from course.errors import UsageError
from tests.support.sandboxed_exec import ISOLATED

ROOT = Path(__file__).parents[3]
CHOOSE = """
import sys
from autograder.sandbox import best_tier, choose_tier
print(best_tier(), choose_tier(trust_submissions=True))
choose_tier(trust_submissions=False)
"""


@pytest.fixture
def broken_bubblewrap(tmp_path):
    """An environment in which `bwrap` is there and fails."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    return os.environ | {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}


def test_a_bubblewrap_that_is_installed_and_fails_is_not_relied_on(broken_bubblewrap):
    if reason := tier_problem(Tier.LANDLOCK):
        pytest.skip(reason)
    result = subprocess.run(
        [sys.executable, "-c", CHOOSE], env=broken_bubblewrap, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout.split()) == (0, ["landlock", "landlock"])


def test_with_no_wall_at_all_grading_is_refused_unless_submissions_are_trusted(broken_bubblewrap):
    if reason := tier_problem(Tier.LANDLOCK):
        pytest.skip(reason)
    # the kernel nests sixteen Landlock domains and no more
    exhaust = """
        import ctypes, struct
        libc = ctypes.CDLL(None)
        libc.prctl(38, 1, 0, 0, 0)
        ruleset = libc.syscall(444, struct.pack("=QQQ", 1 << 11, 0, 0), 8, 0)
        while libc.syscall(446, ruleset, 0) == 0: pass
        """
    code = textwrap.dedent(exhaust) + CHOOSE
    result = subprocess.run(
        [sys.executable, "-c", code], env=broken_bubblewrap, capture_output=True, text=True, check=False
    )
    assert result.stdout.split() == ["none", "none"]
    message = result.stderr.splitlines()[-1]
    assert UsageError.__name__ in message
    for words in ("No permissions to create new namespace", "Argument list too long", "--trust-submissions"):
        assert words in message


def test_a_tier_that_works_here_needs_no_trust():
    if all(map(tier_problem, ISOLATED)):
        pytest.skip("no tier works here")
    assert choose_tier(trust_submissions=False) is choose_tier(trust_submissions=True) is not Tier.NONE


def test_the_best_tier_is_the_first_that_works():
    working = [tier for tier in ISOLATED if tier_problem(tier) is None]
    assert best_tier() is (working[0] if working else Tier.NONE)
