"""The fork server, and what remains of any sandbox once its supervisor is gone: nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.sandbox import ForkServer, Tier, tier_problem
from course.errors import GraderError
from tests.support.processes import fork_server_processes, processes
from tests.support.sandboxed_exec import ISOLATED, STUDENT, STUDENT_FILES

ROOT = Path(__file__).parents[3]

# --- nothing is left behind


COLD = """
import sys
from autograder.sandbox import Tier, run
child = "from autograder.sandbox import lockdown; lockdown(); print('locked', flush=True)\\nwhile True: pass"
run(["-c", child, sys.argv[2]], tier=Tier(sys.argv[1]), on_output=lambda text: print(text, flush=True))
"""
WARM = """
import sys
from pathlib import Path
from autograder.sandbox import ForkServer, Tier
server = ForkServer(sys.argv[3], tier=Tier(sys.argv[1]), readable=[Path(p) for p in sys.argv[4:]])
server.run(b"print('locked', flush=True)\\nwhile True: pass", on_output=lambda text: print(text, flush=True))
"""


@pytest.mark.parametrize("program", [COLD, WARM], ids=["cold", "warm"])
@pytest.mark.parametrize("tier", ISOLATED)
def test_the_whole_tree_dies_with_a_supervisor_that_is_killed(tier, program):
    if reason := tier_problem(tier):
        pytest.skip(reason)
    # the module's name stands in the command line of a warm process, the marker in that of a cold one
    marker = f"marker-{os.getpid()}-{tier}" if program is COLD else STUDENT
    before = processes(marker)
    argv = [sys.executable, "-c", program, tier, marker, STUDENT, *map(str, STUDENT_FILES)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE) as supervisor:
        assert b"locked" in supervisor.stdout.readline()
        assert len(processes(marker) - before) >= 2  # the supervisor and the child at least
        os.kill(supervisor.pid, signal.SIGKILL)
    patience = time.monotonic() + 20  # a killed process needs a moment to go
    while (left := processes(marker) - before) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not left


def test_a_server_that_is_closed_leaves_no_process():
    for tier in filter(lambda tier: not tier_problem(tier), ISOLATED):
        before = fork_server_processes()
        with ForkServer(STUDENT, tier=tier, readable=STUDENT_FILES) as server:
            server.run(b"")
            mine = fork_server_processes() - before
            assert mine
        assert not mine & fork_server_processes()


def test_a_server_process_that_died_is_replaced(server):
    (pid,) = server.pids
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    assert server.run(b"print('next')").stdout == b"next\n"
    assert pid not in fork_server_processes()


def test_a_server_process_that_dies_at_work_is_our_fault_and_the_next_request_works(server):
    (pid,) = server.pids
    with pytest.raises(GraderError, match="died"):
        server.run(b"print('up', flush=True)\nwhile True: pass", on_output=lambda _: os.kill(pid, signal.SIGKILL))
    assert server.run(b"print('next')").stdout == b"next\n"


def wait_for_end(pid: int) -> None:
    while ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.01)


def test_a_module_that_cannot_be_imported_is_named():
    for tier in filter(lambda tier: not tier_problem(tier), ISOLATED):
        with (
            ForkServer("autograder.no_such_module", tier=tier) as server,
            pytest.raises(GraderError, match="no_such_module"),
        ):
            server.run(b"")


def test_trusted_submissions_are_run_without_a_server_process():
    with ForkServer(STUDENT, tier=Tier.NONE) as server:
        before = fork_server_processes()
        assert server.run(b"print('next')").stdout == b"next\n"
        assert fork_server_processes() == before
