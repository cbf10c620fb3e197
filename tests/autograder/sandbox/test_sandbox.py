"""The sandbox, attacked: in each tier, cold (a process of its own) and warm (a child of the nursery's)."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import course
from autograder.sandbox import ForkServer, Limits, Tier, choose_tier, run, tier_problem
from autograder.sandbox.namespaces import readable_paths
from course.errors import GraderError, UsageError
from tests.autograder.sandbox.sandboxed_exec import STUDENT, STUDENT_FILES

TESTS = STUDENT_FILES[0].parent
ISOLATED = (Tier.BUBBLEWRAP, Tier.LANDLOCK)


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
        return nursery.run(textwrap.dedent(code).encode(), **options)

    cold.brief, warm.brief = Limits(seconds=5, threads=4), Limits(seconds=1, threads=4)
    with ForkServer(STUDENT, tier=tier, readable=STUDENT_FILES) as nursery:
        yield cold if way == "cold" else warm


def outcomes(sandbox, *attempts: str) -> dict[str, str]:
    """Attempt -> `OPEN` when the statement could be run, else the name of the exception it raised."""
    finished = sandbox(f"""
        import ctypes, os, resource, socket, subprocess, sys, threading
        libc = ctypes.CDLL(None, use_errno=True)
        def syscall(number, *arguments):
            if libc.syscall(number, *arguments) < 0:
                raise OSError(ctypes.get_errno(), "refused")
        for attempt in {attempts!r}:
            try:
                exec(attempt)
            except BaseException as error:
                print(attempt, type(error).__name__, sep="\\t")
            else:
                print(attempt, "OPEN", sep="\\t")
        """)
    assert (finished.ended, finished.returncode) == ("exit", 0), finished
    found = dict(line.split("\t") for line in finished.stdout.decode().splitlines())
    assert tuple(found) == attempts
    return found


def assert_refused(sandbox, *attempts: str, how: tuple[str, ...] = ("PermissionError",)) -> None:
    assert {attempt: name for attempt, name in outcomes(sandbox, *attempts).items() if name not in how} == {}


# --- what is shown


def test_a_home_folder_is_never_part_of_what_is_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert not any(tmp_path.is_relative_to(path) for path in readable_paths())
    with pytest.raises(GraderError, match="holds your home folder"):
        readable_paths([tmp_path])


def test_a_folder_to_show_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(GraderError, match="nowhere"):
        readable_paths([tmp_path / "nowhere"])


# --- what is out of reach


@pytest.fixture
def private_files(tmp_path, monkeypatch):
    """A home with a key, a data folder, and a gradebook."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "mnist"))
    files = [tmp_path / name for name in ("home/.ssh/id_ed25519", "mnist/t10k-labels-idx1-ubyte", "gradebook.db")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("private")
    return [*files, TESTS / "autograder" / "test_sandbox.py", Path("/etc/passwd"), Path("/proc/1/environ")]


ABSENT = ("PermissionError", "FileNotFoundError")
READ_ONLY = ("PermissionError", "FileNotFoundError", "OSError")


def test_private_files_and_folders_cannot_be_read(sandbox, private_files):
    reads = [f"open({str(file)!r}).read()" for file in private_files]
    lists = [f"os.listdir({str(file.parent)!r})" for file in private_files]
    assert_refused(sandbox, *reads, *lists, how=ABSENT)


def test_no_file_can_be_made_anywhere(sandbox):
    folders = ["/tmp", "/dev/shm", "/usr", "/", sys.prefix, str(Path(course.__file__).parent)]
    made = [str(Path(folder, "made_by_a_student")) for folder in folders]
    ways = ("open({!r}, 'w')", "os.mkdir({!r})", "os.symlink('/', {!r})")
    assert_refused(sandbox, *(way.format(path) for path in made for way in ways), how=READ_ONLY)
    assert not any(map(os.path.lexists, made))


def test_files_of_the_project_cannot_be_changed(sandbox):
    ways = ("open({!r}, 'a')", "os.remove({!r})", "os.chmod({!r}, 0o777)", "os.utime({!r})", "os.truncate({!r}, 0)")
    assert_refused(sandbox, *(way.format(str(STUDENT_FILES[0])) for way in ways), how=READ_ONLY)


def test_a_listener_on_this_machine_cannot_be_reached(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert_refused(sandbox, f"socket.create_connection({listener.getsockname()!r}, 2)")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_other_processes_are_out_of_reach(sandbox):
    assert_refused(  # signal 0 harms nobody, should it ever pass
        sandbox,
        "os.fork()",
        "os.execv(sys.executable, ['python'])",
        "subprocess.run(['/bin/true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(os.getppid(), 0)",
        "os.kill(-1, 0)",
        "os.kill(0, 0)",
        "os.killpg(0, 0)",
        "os.setsid()",
        "os.setpgid(0, 0)",
        "socket.socketpair()",
        "os.memfd_create('x')",
        "os.pidfd_open(os.getppid())",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)",
        "open(f'/proc/{os.getppid()}/mem', 'rb')",
        "open(f'/proc/{os.getppid()}/environ', 'rb')",
        "os.readlink(f'/proc/{os.getppid()}/cwd')",
    )


def test_a_limit_cannot_be_raised_again(sandbox):
    which = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE")
    attempts = [f"resource.setrlimit(resource.{name}, (resource.RLIM_INFINITY,) * 2)" for name in which]
    assert_refused(sandbox, *attempts, how=("ValueError", "PermissionError"))


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86_64")
def test_the_kernels_rarer_doors_are_shut(sandbox):
    assert_refused(
        sandbox,
        "syscall(101, 16, os.getppid(), 0, 0)  # ptrace, attach",
        "syscall(310, os.getppid(), 0, 0, 0, 0, 0)  # process_vm_readv",
        "syscall(425, 8, 0)  # io_uring_setup",
        "syscall(321, 0, 0, 0)  # bpf",
        "syscall(272, 0x10000000)  # unshare, a user namespace",
        "syscall(298, 0, 0, -1, -1, 0)  # perf_event_open",
        "syscall(250, 0, 0, 0)  # keyctl",
        "syscall(157, 1, 0, 0, 0, 0)  # prctl, outliving the parent",
        "syscall(72, 1, 8, os.getppid())  # fcntl, signals to others",
        "syscall(16, 1, 0x5412, b'x')  # ioctl, typing into a terminal",
    )
    younger = ("syscall(435, 0, 0)  # clone3", "syscall(467, 0, 0, 0)", "syscall(41 | 0x40000000, 2, 1, 0)  # x32")
    assert_refused(sandbox, *younger, how=("OSError",))


def test_no_thread_can_be_started_unless_the_limits_allow_some(sandbox):
    assert_refused(sandbox, "threading.Thread(target=print).start()", how=("RuntimeError",))
    code = "import threading; t = threading.Thread(target=print, args=('second',)); t.start(); t.join()"
    assert sandbox(code, limits=Limits(threads=4)).stdout == b"second\n"


def test_no_descriptor_but_the_three_pipes_is_open(sandbox):
    finished = sandbox("""
        import os
        for number in range(256):
            try:
                os.fstat(number)
                print(number)
            except OSError:
                continue
        """)
    assert finished.stdout.split() == [b"0", b"1", b"2"]


def test_the_supervisors_environment_is_not_handed_on(sandbox, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "hunter2")
    finished = sandbox("import os; print(sorted(os.environ))")
    assert b"PYTHONHASHSEED" in finished.stdout
    assert b"COURSE_SECRET" not in finished.stdout


# --- what is allowed


def test_stdin_and_both_outputs_pass_unharmed_however_large(sandbox):
    data = "é" * 1_000_000
    finished = sandbox(f"import sys\ndata = {data!r}\nprint(data)\nprint(data, file=sys.stderr)")
    assert finished.stdout.decode() == finished.stderr.decode() == data + "\n"
    assert (finished.returncode, finished.ended) == (0, "exit")


def test_output_is_passed_on_while_it_comes(sandbox):
    pieces = []
    finished = sandbox("print('one', flush=True); print('two')", on_output=pieces.append)
    assert b"".join(pieces) == finished.stdout == b"one\ntwo\n"


def test_a_process_that_reads_no_stdin_does_not_hold_up_its_supervisor():
    for tier in filter(lambda tier: not tier_problem(tier), ISOLATED):
        code = "from autograder.sandbox import lockdown; lockdown()"
        assert run(["-c", code], tier=tier, stdin=bytes(5_000_000)).returncode == 0


def test_packages_can_be_imported_after_the_lock(sandbox):
    assert sandbox("import decimal, sqlite3, typing_extensions; print('in')").stdout == b"in\n"


def test_a_traceback_names_the_students_error(sandbox):
    finished = sandbox("1 / 0")
    assert (finished.ended, finished.returncode) == ("exit", 1)
    assert b"ZeroDivisionError" in finished.stderr


# --- limits


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
    finished = sandbox(code, limits=limits)
    assert finished.ended == ended
    assert finished.returncode != 0
    assert len(finished.stdout) + len(finished.stderr) <= 2 * limits.output


def test_threads_that_ignore_every_signal_end_with_the_time_limit(sandbox):
    finished = sandbox(
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
    assert (finished.ended, finished.returncode) == ("timeout", -signal.SIGKILL)


def test_an_exception_of_the_listener_ends_the_process_and_comes_through(sandbox):
    def complain(piece):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        sandbox("print('x', flush=True)\nwhile True: pass", on_output=complain)


# --- whose fault it is


@pytest.mark.parametrize("tier", [*ISOLATED, Tier.NONE])
@pytest.mark.parametrize("code", ["print('I never locked')", "import no_such_module", "raise SystemExit(0)"])
def test_a_process_that_ends_unlocked_is_our_fault(tier, code):
    if tier is not Tier.NONE and (reason := tier_problem(tier)):
        pytest.skip(reason)
    with pytest.raises(GraderError, match="was not shut"):
        run(["-c", code], tier=tier)


def test_locking_a_process_that_the_sandbox_did_not_start_is_refused():
    code = "from autograder.sandbox import lockdown; lockdown()"
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=TESTS.parent, capture_output=True, text=True, check=False
    )
    assert "was not started by the sandbox" in finished.stderr


@pytest.mark.parametrize("tier", ISOLATED)
def test_a_process_with_threads_is_not_locked_by_halves(tier):
    if reason := tier_problem(tier):
        pytest.skip(reason)
    code = """if True:
        import threading
        from autograder.sandbox import lockdown
        threading.Thread(target=threading.Event().wait, args=(5,), daemon=True).start()
        lockdown()
    """
    with pytest.raises(GraderError, match="2 threads"):
        run(["-c", code], tier=tier)


def test_a_trusted_submission_keeps_its_limits_of_time_and_output():
    start = "from autograder.sandbox import lockdown; lockdown()\n"
    assert run(["-c", start + "print(open('/etc/passwd').read())"], tier=Tier.NONE).ended == "exit"
    assert run(["-c", start + "while True: pass"], tier=Tier.NONE, limits=Limits(seconds=4)).ended == "timeout"
    flood = start + "while True: print('x' * 10_000)"
    assert run(["-c", flood], tier=Tier.NONE, limits=Limits(output=100_000)).ended == "output"
    with ForkServer(STUDENT, tier=Tier.NONE) as nursery:
        assert nursery.run(b"print(6 * 7)").stdout == b"42\n"


# --- choosing a tier

CHOOSE = """
import sys
from autograder.sandbox import choose_tier, best_tier
print(best_tier(), choose_tier(trust_submissions=True))
choose_tier(trust_submissions=False)
"""


@pytest.fixture
def broken_bubblewrap(tmp_path):
    """An environment in which `bwrap` is there and fails."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    return os.environ | {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(TESTS.parent)}


def test_a_bubblewrap_that_is_installed_and_fails_is_not_relied_on(broken_bubblewrap):
    if reason := tier_problem(Tier.LANDLOCK):
        pytest.skip(reason)
    finished = subprocess.run(
        [sys.executable, "-c", CHOOSE], env=broken_bubblewrap, capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stdout.split()) == (0, ["landlock", "landlock"])


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
    finished = subprocess.run(
        [sys.executable, "-c", code], env=broken_bubblewrap, capture_output=True, text=True, check=False
    )
    assert finished.stdout.split() == ["none", "none"]
    message = finished.stderr.splitlines()[-1]
    assert UsageError.__name__ in message
    for words in ("No permissions to create new namespace", "Argument list too long", "--trust-submissions"):
        assert words in message


def test_a_tier_that_works_here_needs_no_trust():
    if all(map(tier_problem, ISOLATED)):
        pytest.skip("no tier works here")
    assert choose_tier(trust_submissions=False) is choose_tier(trust_submissions=True) is not Tier.NONE


def test_every_tier_but_the_best_comes_with_a_caveat():
    assert [bool(tier.caveat) for tier in Tier] == [False, True, True]
