"""The sandbox in each tier, cold (a process of its own) and warm (a child of the fork server)."""

import textwrap

import pytest

from autograder.sandbox import ForkServer, Limits, run, tier_problem
from tests.support.processes import fork_server_processes
from tests.support.sandboxed_exec import ISOLATED, STUDENT, STUDENT_FILES


@pytest.fixture(scope="module", params=[(tier, way) for tier in ISOLATED for way in ("cold", "warm")], ids="-".join)
def sandbox(request):
    """A function that runs a piece of Python as a student's code would be run.

    Its `brief` limits give a process just time enough to start and be locked, and some threads.
    """
    tier, way = request.param
    if reason := tier_problem(tier):
        pytest.skip(f"{tier} does not work here: {reason}")

    def cold(code: str, **options):
        return run(["-m", STUDENT], tier=tier, stdin=textwrap.dedent(code).encode(), readable=STUDENT_FILES, **options)

    def warm(code: str, **options):
        return server.run(textwrap.dedent(code).encode(), **options)

    cold.brief, warm.brief = Limits(seconds=5, threads=4), Limits(seconds=1, threads=4)
    with ForkServer(STUDENT, tier=tier, readable=STUDENT_FILES) as server:
        yield cold if way == "cold" else warm


@pytest.fixture(params=ISOLATED)
def server(request):
    if reason := tier_problem(request.param):
        pytest.skip(reason)
    before = fork_server_processes()
    with ForkServer(STUDENT, tier=request.param, readable=STUDENT_FILES) as server:
        server.run(b"")
        server.pids = fork_server_processes() - before
        yield server
