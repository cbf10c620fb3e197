"""The supervisor: limits are enforced, output comes through, and it is clear whose fault an ending is."""

import signal

import pytest

from autograder.sandbox import ForkServer, Limits, Tier, last_stderr_line, run, tier_problem
from course.errors import GraderError
from tests.support.sandboxed_exec import ISOLATED, STUDENT


def test_stdin_and_both_outputs_pass_unharmed_however_large(sandbox):
    data = "é" * 1_000_000
    result = sandbox(f"import sys\ndata = {data!r}\nprint(data)\nprint(data, file=sys.stderr)")
    assert result.stdout.decode() == result.stderr.decode() == data + "\n"
    assert (result.returncode, result.ended) == (0, "exit")


def test_output_is_passed_on_while_it_comes(sandbox):
    pieces = []
    result = sandbox("print('one', flush=True); print('two')", on_output=pieces.append)
    assert b"".join(pieces) == result.stdout == b"one\ntwo\n"


def test_a_process_that_reads_no_stdin_does_not_hold_up_its_supervisor():
    for tier in filter(lambda tier: not tier_problem(tier), ISOLATED):
        code = "from autograder.sandbox import lockdown; lockdown()"
        assert run(["-c", code], tier=tier, stdin=bytes(5_000_000)).returncode == 0


def test_a_traceback_names_the_students_error(sandbox):
    result = sandbox("1 / 0")
    assert (result.ended, result.returncode) == ("exit", 1)
    assert b"ZeroDivisionError" in result.stderr


@pytest.mark.parametrize(
    ("code", "limits", "ended"),
    [
        ("x = bytearray(10 << 30)", Limits(), "memory"),
        ("x = []\nwhile True: x.append(bytearray(1 << 24))", Limits(memory=1 << 28), "memory"),
        ("while True: print('x' * 10_000)", Limits(output=1_000_000), "output"),
        ("import sys\nwhile True: print('x' * 10_000, file=sys.stderr)", Limits(output=1_000_000), "output"),
        ("import ctypes; ctypes.string_at(0)", Limits(), "killed"),
        ("import os; os.abort()", Limits(), "killed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", Limits(), "killed"),
        ("import os; os._exit(7)", Limits(), "exit"),
        ("def f(): f()\nf()", Limits(), "exit"),
        ("files = [open('/dev/null') for _ in range(1000)]", Limits(), "exit"),
    ],
)
def test_each_way_to_go_wrong_is_ended_and_named(sandbox, code, limits, ended):
    result = sandbox(code, limits=limits)
    assert result.ended == ended
    assert result.returncode != 0
    assert len(result.stdout) + len(result.stderr) <= 2 * limits.output


def test_threads_that_ignore_every_signal_end_with_the_time_limit(sandbox):
    result = sandbox(
        """
        import signal, threading
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        def spin():
            while True: pass
        threading.Thread(target=spin).start()
        spin()
        """,
        limits=sandbox.brief,
    )
    assert (result.ended, result.returncode) == ("timeout", -signal.SIGKILL)


def test_an_exception_of_the_listener_ends_the_process_and_comes_through(sandbox):
    def complain(piece):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        sandbox("print('x', flush=True)\nwhile True: pass", on_output=complain)


@pytest.mark.parametrize("tier", [*ISOLATED, Tier.NONE])
@pytest.mark.parametrize("code", ["print('I never locked')", "import no_such_module", "raise SystemExit(0)"])
def test_a_process_that_ends_unlocked_is_our_fault(tier, code):
    if tier is not Tier.NONE and (reason := tier_problem(tier)):
        pytest.skip(reason)
    with pytest.raises(GraderError, match="before it was locked"):
        run(["-c", code], tier=tier)


def test_a_trusted_submission_keeps_its_limits_of_time_and_output():
    start = "from autograder.sandbox import lockdown; lockdown()\n"
    assert run(["-c", start + "print(open('/etc/passwd').read())"], tier=Tier.NONE).ended == "exit"
    assert run(["-c", start + "while True: pass"], tier=Tier.NONE, limits=Limits(seconds=4)).ended == "timeout"
    flood = start + "while True: print('x' * 10_000)"
    assert run(["-c", flood], tier=Tier.NONE, limits=Limits(output=100_000)).ended == "output"
    with ForkServer(STUDENT, tier=Tier.NONE) as server:
        assert server.run(b"print(6 * 7)").stdout == b"42\n"


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        (b"", ""),
        (b" \n\n", ""),
        (b"Traceback:\n  File\nValueError: no\n\n", "ValueError: no"),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
        (b"x" * 9000, "x" * 500),
    ],
)
def test_the_last_line_of_stderr_is_the_last_that_is_not_blank(stderr, line):
    assert last_stderr_line(stderr) == line
