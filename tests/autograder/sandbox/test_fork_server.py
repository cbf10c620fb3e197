"""The nursery, and what is left of any sandbox once its supervisor is gone: nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.sandbox import ForkServer, Limits, Tier, tier_problem
from course.errors import GraderError
from tests.autograder.sandbox.sandboxed_exec import STUDENT, STUDENT_FILES

TESTS = STUDENT_FILES[0].parent
ISOLATED = (Tier.BUBBLEWRAP, Tier.LANDLOCK)


# --- nothing is left behind


def processes(marker: str, parent: int | None = None) -> set[int]:
    """The processes, of that parent if it is given, that have `marker` in their command line."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = parent is None or f"PPid:\t{parent}\n" in (folder / "status").read_text()
            if is_child and marker.encode() in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            continue
    return found


def warm_processes() -> set[int]:
    """The warm processes, or the bubblewraps around them, that this process has started."""
    return processes("autograder.sandbox.fork_server_process", parent=os.getpid())


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
nursery = ForkServer(sys.argv[3], tier=Tier(sys.argv[1]), readable=[Path(p) for p in sys.argv[4:]])
nursery.run(b"print('locked', flush=True)\\nwhile True: pass", on_output=lambda text: print(text, flush=True))
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
    env = os.environ | {"PYTHONPATH": str(TESTS.parent)}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE) as supervisor:
        assert b"locked" in supervisor.stdout.readline()
        assert len(processes(marker) - before) >= 2  # the supervisor and the child at least
        os.kill(supervisor.pid, signal.SIGKILL)
    patience = time.monotonic() + 20  # a killed process needs a moment to go
    while (left := processes(marker) - before) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not left


def test_a_nursery_that_is_closed_leaves_no_process():
    for tier in filter(lambda tier: not tier_problem(tier), ISOLATED):
        with ForkServer(STUDENT, tier=tier, readable=STUDENT_FILES) as nursery:
            nursery.run(b"")
            mine = warm_processes()
            assert mine
        assert not mine & warm_processes()


# --- the nursery


@pytest.fixture(params=ISOLATED)
def nursery(request):
    if reason := tier_problem(request.param):
        pytest.skip(reason)
    before = warm_processes()
    with ForkServer(STUDENT, tier=request.param, readable=STUDENT_FILES) as nursery:
        nursery.run(b"")
        nursery.pids = warm_processes() - before
        yield nursery


def test_a_request_finds_nothing_of_the_one_before(nursery):
    assert (
        nursery.run(b"import builtins, os, sys; builtins.mark = sys.mark = 1; os.environ['MARK'] = '1'").returncode == 0
    )
    code = b"import builtins, os, sys; print(hasattr(builtins, 'mark'), hasattr(sys, 'mark'), 'MARK' in os.environ)"
    assert nursery.run(code).stdout == b"False False False\n"


def test_each_request_has_a_process_of_its_own(nursery):
    assert nursery.run(b"import os; print(os.getpid())").stdout != nursery.run(b"import os; print(os.getpid())").stdout


def test_a_request_that_shuts_its_outputs_and_sleeps_is_ended(nursery):
    code = b"import os, time; os.close(1); os.close(2); time.sleep(1000)"
    assert nursery.run(code, limits=Limits(seconds=1)).ended == "timeout"


def test_a_request_that_is_killed_leaves_the_nursery_able(nursery):
    assert nursery.run(b"while True: pass", limits=Limits(seconds=1)).ended == "timeout"
    assert nursery.run(b"import ctypes; ctypes.string_at(0)").returncode == -signal.SIGSEGV
    assert nursery.run(b"print('next')").stdout == b"next\n"
    assert nursery.pids <= warm_processes()


def test_a_warm_process_that_died_is_replaced(nursery):
    (pid,) = nursery.pids
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    assert nursery.run(b"print('next')").stdout == b"next\n"
    assert pid not in warm_processes()


def test_a_warm_process_that_dies_at_work_is_our_fault_and_the_next_request_works(nursery):
    (pid,) = nursery.pids
    with pytest.raises(GraderError, match="died"):
        nursery.run(b"print('up', flush=True)\nwhile True: pass", on_output=lambda _: os.kill(pid, signal.SIGKILL))
    assert nursery.run(b"print('next')").stdout == b"next\n"


def wait_for_end(pid: int) -> None:
    while ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.01)


def test_a_module_that_cannot_be_imported_is_named():
    for tier in filter(lambda tier: not tier_problem(tier), ISOLATED):
        with (
            ForkServer("autograder.no_such_module", tier=tier) as nursery,
            pytest.raises(GraderError, match="no_such_module"),
        ):
            nursery.run(b"")
