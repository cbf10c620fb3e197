"""The outer wall: what a process in the sandbox finds, and what it is told."""

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

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
_PROCESSORS = "/sys/devices/system/cpu"  # torch asks how many there are
_NOBODY = "65534"


def readable_paths(extra: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Everything a process in the sandbox may read, no path twice or below another.

    Raises GraderError when the home folder lies in one of them, and when an extra path does not exist.
    """
    prefixes = {Path(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)}
    ours = [Path(package.__file__).resolve().parent for package in (course, autograder)]
    extra = [path.absolute() for path in extra]
    for path in extra:
        if not path.exists():
            raise GraderError(f"The sandbox was to show '{path}', which does not exist.")
    wanted = [Path(p) for p in (*_SYSTEM, _PROCESSORS)] + [*prefixes, *_user_site(), *ours, *extra, *_interpreter()]
    kept: list[Path] = []
    for path in sorted((p for p in wanted if p.exists()), key=lambda p: len(p.parts)):
        if Path.home().is_relative_to(path):
            raise GraderError(
                f"The sandbox would show '{path}', which holds your home folder. Install Python in a folder of its own."
            )
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def environment() -> dict[str, str]:
    """All that a process in the sandbox has in its environment; nothing of ours is handed on."""
    roots = {str(Path(package.__file__).resolve().parents[1]) for package in (course, autograder)}
    return {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        # a pool that starts at import would leave the lock more than one thread to bind
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([*sorted(roots - set(site.getsitepackages())), *map(str, _user_site())]),
        "USER": "student",
    }


def command(tier: Tier, argv: Sequence[str], readable: Iterable[Path]) -> list[str]:
    """The command that runs this interpreter with `argv` in that tier. Raises GraderError without bubblewrap."""
    # -I would hide the packages of a checkout; the environment is ours, so only the working folder is left out
    python = [sys.executable, "-P", "-s", *argv]
    return bubblewrap(python, readable) if tier is Tier.BUBBLEWRAP else python


def bubblewrap(
    argv: Sequence[str], readable: Iterable[Path], writable: Iterable[Path] = (), *, scratch: int | None = None
) -> list[str]:
    """`argv` behind the outer wall alone, seeing `readable` (see `readable_paths`) and `writable`.

    `scratch` bounds, in bytes, the folder /tmp that it has to itself, in memory. Raises GraderError when bubblewrap is
    not installed.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise GraderError("bubblewrap is not installed: there is no program named 'bwrap'.")
    world = ["--unshare-all", "--unshare-user", "--uid", _NOBODY, "--gid", _NOBODY, "--cap-drop", "ALL"]
    world += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--chdir", "/tmp"]
    # what is mounted later lies on top: a path below /tmp must come after it
    files = ["--proc", "/proc", "--dev", "/dev", *(["--size", str(scratch)] if scratch else []), "--tmpfs", "/tmp"]
    for path in readable:
        is_alias = path.is_symlink() and len(path.parts) == 2  # /lib -> usr/lib
        files += ["--symlink", os.readlink(path), str(path)] if is_alias else ["--ro-bind", str(path), str(path)]
    for path in writable:
        files += ["--bind", str(path), str(path)]
    return [program, *world, *files, "--remount-ro", "/", "--", *argv]


def _user_site() -> list[Path]:
    """Where `pip install --user` puts packages, if this process uses it."""
    folder = Path(site.getusersitepackages())
    return [folder] if site.ENABLE_USER_SITE and folder.is_dir() else []


def _interpreter() -> list[Path]:
    """The interpreter's program, and the links that lead to it: an environment links to it by way of others."""
    links = [Path(sys.executable)]
    while links[-1].is_symlink():
        links.append(Path(os.path.normpath(links[-1].parent / os.readlink(links[-1]))))
    return links
