"""The process that forks: each request has a fresh child, and nothing passes from one to the next."""

import signal
import socket

from autograder.sandbox import Limits
from autograder.sandbox.fork_server import KILL
from autograder.sandbox.fork_server_process import serve
from tests.support.processes import fork_server_processes


def test_a_request_finds_nothing_of_the_one_before(server):
    assert (
        server.run(b"import builtins, os, sys; builtins.mark = sys.mark = 1; os.environ['MARK'] = '1'").returncode == 0
    )
    code = b"import builtins, os, sys; print(hasattr(builtins, 'mark'), hasattr(sys, 'mark'), 'MARK' in os.environ)"
    assert server.run(code).stdout == b"False False False\n"


def test_each_request_has_a_process_of_its_own(server):
    assert server.run(b"import os; print(os.getpid())").stdout != server.run(b"import os; print(os.getpid())").stdout


def test_no_descriptor_but_the_three_pipes_is_open(sandbox):
    result = sandbox("""
        import os
        for number in range(256):
            try:
                os.fstat(number)
                print(number)
            except OSError:
                continue
        """)
    assert result.stdout.split() == [b"0", b"1", b"2"]


def test_a_request_that_shuts_its_outputs_and_sleeps_is_ended(server):
    code = b"import os, time; os.close(1); os.close(2); time.sleep(1000)"
    assert server.run(code, limits=Limits(seconds=1)).ended == "timeout"


def test_a_request_that_is_killed_leaves_the_server_able(server):
    assert server.run(b"while True: pass", limits=Limits(seconds=1)).ended == "timeout"
    assert server.run(b"import ctypes; ctypes.string_at(0)").returncode == -signal.SIGSEGV
    assert server.run(b"print('next')").stdout == b"next\n"
    assert server.pids <= fork_server_processes()


def test_it_ends_with_its_supervisor_and_ignores_a_kill_that_comes_too_late():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.send(KILL)
        ours.close()
        assert serve(theirs) is False
