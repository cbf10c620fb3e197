"""The sandbox, attacked by a process that is locked down: in each tier, cold and warm."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import course
from autograder.sandbox import Limits, run, tier_problem
from autograder.sandbox.namespaces import SOLUTIONS
from course.errors import GraderError
from tests.support.sandboxed_exec import ISOLATED, STUDENT_FILES

ABSENT = ("PermissionError", "FileNotFoundError")
READ_ONLY = ("PermissionError", "FileNotFoundError", "OSError")
ROOT = Path(__file__).parents[3]


def outcomes(sandbox, *attempts: str) -> dict[str, str]:
    """Attempt -> `OPEN` when the statement could be run, else the name of the exception it raised."""
    result = sandbox(f"""
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
    assert (result.ended, result.returncode) == ("exit", 0), result
    found = dict(line.split("\t") for line in result.stdout.decode().splitlines())
    assert tuple(found) == attempts
    return found


def assert_refused(sandbox, *attempts: str, how: tuple[str, ...] = ("PermissionError",)) -> None:
    assert {attempt: name for attempt, name in outcomes(sandbox, *attempts).items() if name not in how} == {}


def test_the_solutions_in_the_package_cannot_be_read(sandbox):
    lesson = SOLUTIONS / "source" / "challenge" / "challenge.ipynb"
    assert lesson.is_file()
    for path in (lesson, lesson.resolve(), SOLUTIONS / "README.md"):
        assert_refused(sandbox, f"open({str(path)!r})", how=ABSENT)
    assert_refused(sandbox, f"open({str(SOLUTIONS / 'new')!r}, 'w')", how=READ_ONLY)


@pytest.fixture
def private_files(tmp_path, monkeypatch):
    """A home with a key, a data folder, and a gradebook."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "mnist"))
    files = [tmp_path / name for name in ("home/.ssh/id_ed25519", "mnist/t10k-labels-idx1-ubyte", "gradebook.db")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("private")
    return [
        *files,
        ROOT / "tests" / "autograder" / "sandbox" / "test_lockdown.py",
        Path("/etc/passwd"),
        Path("/proc/1/environ"),
    ]


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


def test_packages_can_be_imported_after_the_lock(sandbox):
    assert sandbox("import decimal, sqlite3, typing_extensions; print('in')").stdout == b"in\n"


def test_locking_a_process_that_the_sandbox_did_not_start_is_refused():
    code = "from autograder.sandbox import lockdown; lockdown()"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "was not started by the sandbox" in result.stderr


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
