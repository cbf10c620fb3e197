"""The outer layer of isolation: the files, namespaces and environment that a process in the sandbox gets."""

from __future__ import annotations

import os
import shutil
import site
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import autograder
import course
from autograder.sandbox.limits import Tier
from course.errors import GraderError
from course.rules import course_folder

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
_PROCESSORS = "/sys/devices/system/cpu"  # torch counts the processors there
_NOBODY = "65534"  # user and group id
_PACKAGES = tuple(Path(folder).resolve() for package in (course, autograder) for folder in package.__path__)
# the lessons with their solutions, which `autograder init` copies: in the package, and for no submission to read
SOLUTIONS = Path(autograder.__path__[0]).resolve() / "gradebook" / "new_course" / "files"


def readable_paths(extra: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Every path that a process in the sandbox may read; none is given twice or lies below another.

    Raises GraderError when the home folder or the course at hand lies in one of them, and when an extra path does not
    exist.
    """
    prefixes = {Path(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)}
    extra = [path.absolute() for path in extra]
    for path in extra:
        if not path.exists():
            raise GraderError(f"The sandbox is asked to make '{path}' readable, which does not exist.")
    wanted = [Path(p) for p in (*_SYSTEM, _PROCESSORS)] + [
        *prefixes,
        *_package_folders(),
        *_PACKAGES,
        *extra,
        *_interpreter(),
    ]
    kept: list[Path] = []
    course_at_hand = course_folder()
    for path in sorted((p for p in wanted if p.exists()), key=lambda p: len(p.parts)):
        if course_at_hand and course_at_hand.resolve().is_relative_to(path.resolve()):
            raise GraderError(
                f"The sandbox would make '{path}' readable, which contains the course {course_at_hand} with its secret "
                "and its results. Move the course elsewhere."
            )
        if Path.home().is_relative_to(path):
            raise GraderError(
                f"The sandbox would make '{path}' readable, which contains your home folder. "
                "Install Python in a folder of its own."
            )
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def paths_for_landlock(readable: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """What may be read, without the solutions, and the folders around those, which may be listed.

    Landlock has no exceptions: a right on a folder holds for all that is below it.
    """
    kept: list[Path] = []
    listed: list[Path] = []

    def divide(path: Path) -> None:
        if not SOLUTIONS.is_relative_to(path.resolve()):
            kept.append(path)
        elif path.resolve() != SOLUTIONS:
            listed.append(path)
            for child in path.iterdir():
                if not child.is_symlink():  # the right would be one on what it leads to
                    divide(child)

    for path in readable:
        divide(path)
    return tuple(kept), tuple(listed)


def environment() -> dict[str, str]:
    """The whole environment of a process in the sandbox; it inherits nothing from the grader's."""
    roots = {str(folder.parent) for folder in _PACKAGES}
    return {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        # a thread pool that starts at import would prevent lockdown(), which needs a single thread
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([*sorted(roots - set(site.getsitepackages())), *map(str, _user_site())]),
        "USER": "student",
    }


def command(tier: Tier, argv: Sequence[str], readable: Iterable[Path], devices: Iterable[Path] = ()) -> list[str]:
    """The command that runs this interpreter with `argv` in a tier. Raises GraderError if bubblewrap is missing."""
    # -P and -s leave out the working folder and the user's site; -I would also hide the packages of a checkout
    python = [sys.executable, "-P", "-s", *argv]
    return bubblewrap(python, readable, devices=devices) if tier is Tier.BUBBLEWRAP else python


def bubblewrap(
    argv: Sequence[str],
    readable: Iterable[Path],
    writable: Iterable[Path] = (),
    *,
    devices: Iterable[Path] = (),
    scratch: int | None = None,
) -> list[str]:
    """The command that runs `argv` inside bubblewrap, where only the paths `readable` and `writable` exist.

    `devices` are device nodes that it may use, beside /dev/null and the like. `scratch` is the maximal size, in bytes,
    of its private /tmp, which is kept in memory. Raises GraderError when bubblewrap is not installed.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise GraderError("bubblewrap is not installed: there is no program named 'bwrap'.")
    isolation = ["--unshare-all", "--unshare-user", "--uid", _NOBODY, "--gid", _NOBODY, "--cap-drop", "ALL"]
    isolation += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--chdir", "/tmp"]
    # a later mount covers an earlier one: a path below /tmp must come after /tmp
    files = ["--proc", "/proc", "--dev", "/dev", *(["--size", str(scratch)] if scratch else []), "--tmpfs", "/tmp"]
    for path in readable:
        is_alias = path.is_symlink() and len(path.parts) == 2  # /lib -> usr/lib
        files += ["--symlink", os.readlink(path), str(path)] if is_alias else ["--ro-bind", str(path), str(path)]
    for path in readable:
        if SOLUTIONS.is_dir() and SOLUTIONS.is_relative_to(real := path.resolve()):
            hidden = str(path / SOLUTIONS.relative_to(real))
            files += ["--tmpfs", hidden, "--remount-ro", hidden]
    for path in writable:
        files += ["--bind", str(path), str(path)]
    for node in devices:
        files += ["--dev-bind", str(node), str(node)]
    return [program, *isolation, *files, "--remount-ro", "/", "--", *argv]


def _user_site() -> list[Path]:
    """Where `pip install --user` puts packages, if this process uses it."""
    folder = Path(site.getusersitepackages())
    return [folder] if site.ENABLE_USER_SITE and folder.is_dir() else []


def _package_folders() -> list[Path]:
    """All from which this process imports packages; a virtual environment may build on another one (`.pth` files)."""
    return [Path(folder) for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]


def _interpreter() -> list[Path]:
    """The interpreter's program and the chain of symbolic links that leads to it from a virtual environment."""
    links = [Path(sys.executable)]
    while links[-1].is_symlink():
        links.append(Path(os.path.normpath(links[-1].parent / os.readlink(links[-1]))))
    return links
