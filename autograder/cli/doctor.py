"""The checks of `autograder doctor`. They change nothing, and one that fails does not end the others."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autograder.console import printable
from course.errors import CourseError, plural

INSTALL = "Run `pip install 'under8k[grader]'`, or `make install` in a clone,"
CONFIG = "nbgrader_config.py"
PACKAGES = ("torch", "torchvision", "nbgrader", "jupyterlab")


@dataclass(frozen=True)
class Finding:
    """The result of one check. `needed` says whether grading is impossible if it is not `ok`."""

    name: str
    ok: bool
    text: str
    remedy: str = ""
    needed: bool = True

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def run_checks() -> list[Finding]:
    """All findings, in the order in which they matter."""
    checks: dict[str, Callable[[], Finding]] = {
        "python": _python,
        "packages": _packages,
        "device": _device,
        "data": _data,
        "isolation": _isolation,
        "course": _course,
        "secret": _secret,
        "store": _store,
    }
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except CourseError as error:
        return Finding(name, False, "this check failed", str(error))
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}", 300)
        remedy = "Follow the advice of the other findings first. If this remains, it is a bug: please report it."
        return Finding(name, False, f"this check failed: {reason}", remedy)


def _python() -> Finding:
    system, cores = f"{platform.system()} {platform.machine()}", plural(os.cpu_count() or 1, "core")
    text = f"Python {platform.python_version()} on {system}, {cores}"
    return Finding("python", True, text)


def _packages() -> Finding:
    versions: dict[str, str] = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    if missing := [name for name in PACKAGES if name not in versions]:
        remedy = f"Missing: {', '.join(missing)}. {INSTALL[:-1]}."
        if needed := not {"torch", "torchvision"}.isdisjoint(missing):
            return Finding("packages", False, text, remedy)
        remedy += " They are for a course of nbgrader's and for the leaderboard; grading needs neither."
        return Finding("packages", False, text, remedy, needed)
    return Finding("packages", True, text)


def _device() -> Finding:
    try:
        import torch
    except Exception as error:  # a broken installation raises ImportError, OSError and others
        reason = printable(f"{type(error).__name__}: {error}", 300)
        return Finding("device", False, f"PyTorch cannot be imported ({reason})", f"{INSTALL} to reinstall it.")

    from course.training.devices import choose_device
    from course.training.hardware import DEFAULT_THREADS

    device = choose_device("auto")
    if device.type == "cuda":
        offered = torch.cuda.get_device_properties(device)
        text = (
            f"CUDA {torch.version.cuda}: {offered.name}, {offered.total_memory / 1e9:.0f} GB, compute capability "
            f"{offered.major}.{offered.minor}, {plural(torch.cuda.device_count(), 'device')}"
        )
        return Finding("device", True, text, "To see how fast and how repeatable: `python -m autograder.bench.gpu`.")
    return Finding(
        "device",
        True,
        f"CPU, {DEFAULT_THREADS} thread per run; PyTorch finds no CUDA device",
        "Nothing to do. A full run of 15 epochs takes minutes on one core.",
    )


def _data() -> Finding:
    from course.data import data_sets, root_variable

    named = data_sets()
    for data_set in named:
        if not data_set.is_published:
            data_set.files()  # raises DataError, which is told with what to do
    missing = [data_set for data_set in named if not data_set.is_available()]
    if not missing:
        titles = ", ".join(data_set.title for data_set in named)
        return Finding("data", True, f"here, and their checksums are right: {titles}")
    titles = ", ".join(data_set.title for data_set in missing)
    variables = ", ".join(root_variable(data_set.name) for data_set in missing)
    return Finding("data", False, f"not on this machine yet: {titles}", f"Run `autograder data`, or set {variables}.")


def _isolation() -> Finding:
    from autograder.sandbox import Tier, best_tier, gpu_problem, tier_problem
    from course.training.hardware import choose_device_type

    tier = best_tier()
    if tier is Tier.BUBBLEWRAP:
        working = "bubblewrap, Landlock and seccomp work (just tried)"
        if choose_device_type() == "cpu":
            return Finding("isolation", True, working)
        if (problem := gpu_problem()) is None:
            return Finding("isolation", True, f"{working}, and a process in bubblewrap can use the GPU")
        text = f"{working}; training on the GPU, which runs no code of a submission's, is outside of them"
        return Finding("isolation", True, text, f"The GPU in bubblewrap: {problem}", needed=False)
    if tier is Tier.LANDLOCK:
        return Finding("isolation", True, tier.caveat, f"bubblewrap: {tier_problem(Tier.BUBBLEWRAP)}", needed=False)
    return Finding(
        "isolation",
        False,
        "nothing here can keep a submission from your files",
        "Grade on Linux with bubblewrap installed, or pass --trust-submissions for code that you would run yourself.",
    )


def _course() -> Finding:
    from course.rules import assignments, rules_file

    root = _course_root()
    limits = f"{rules_file()} has the limits of {plural(len(assignments()), 'assignment')}"
    if root is None:
        return Finding("course", True, f"this folder is in no course of nbgrader's; {limits}")
    if find_spec("nbgrader"):
        from autograder.gradebook.settings import read_settings

        read_settings(root)
    return Finding("course", True, f"{root} is a course of nbgrader's, and its {CONFIG} can be read; {limits}")


def _course_root() -> Path | None:
    """The root of the course of nbgrader's at hand; one that was made from a clone has no limits of its own."""
    from course.rules import course_folder

    root = course_folder() or Path.cwd()
    return root if (root / CONFIG).is_file() else None


def _secret() -> Finding:
    from autograder.store.secret import SECRET_VARIABLE, read_secret, secret_file, secret_place

    path = secret_file()
    if read_secret() is not None:
        text = f"the course's secret, from which seeds are drawn, is in {secret_place()}: keep it to yourself"
        return Finding("secret", True, text)
    if not _can_create(path):
        return Finding(
            "secret",
            False,
            f"there is no secret of the course yet, and {path} cannot be created",
            f"Make the folder writable, or set {SECRET_VARIABLE}.",
        )
    return Finding("secret", True, f"there is no secret of the course yet; the first grading creates it in {path}")


def _store() -> Finding:
    from autograder.store import open_store
    from autograder.store.engine import is_begun, name_of, store_url
    from course.rules import course_folder

    setting, root = None, _course_root()
    if root and find_spec("nbgrader"):
        from autograder.gradebook.settings import read_settings

        with contextlib.suppress(CourseError):  # told by the check of the course
            setting = read_settings(root).store_url
    url = store_url(setting)
    whose = f"of the course {course}" if (course := course_folder()) else "outside of a course"
    text = f"results {whose} are kept in {name_of(url)}"
    if not is_begun(url):
        return Finding("store", True, text if url.get_backend_name() != "sqlite" else f"{text}; there are none yet")
    with open_store(setting, read_only=True) as store:  # refuses one that was begun with another secret
        return Finding("store", True, f"{text}: {plural(store.chain_end()[0], 'record')}, and the secret fits")


def _can_create(path: Path) -> bool:
    """Whether a file could be created, with its folders, as far as permissions tell without trying."""
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
