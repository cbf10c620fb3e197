"""What this machine offers for grading, found by trying it."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from importlib import metadata


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: `needed` says whether grading is impossible without it."""

    name: str
    ok: bool
    text: str
    remedy: str = ""
    needed: bool = True

    def to_dict(self) -> dict:
        return asdict(self)


def examine() -> list[Finding]:
    """All findings, in the order they matter."""
    return [_python(), _packages(), _device(), _data(), _isolation(), _secret()]


def _python() -> Finding:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("python", True, text)


def _packages() -> Finding:
    names = ("torch", "torchvision", "nbgrader", "jupyterlab")
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    missing = [n for n in names if n not in found]
    text = ", ".join(f"{n} {v}" for n, v in found.items())
    if missing:
        return Finding("packages", False, text, f"Missing: {', '.join(missing)}. Run `make install`.")
    return Finding("packages", True, text)


def _device() -> Finding:
    import torch

    from course.training.devices import DEFAULT_THREADS, choose_device

    device = choose_device("auto")
    if device.type == "cuda":
        return Finding("device", True, f"CUDA: {torch.cuda.get_device_name(device)}")
    return Finding(
        "device",
        True,
        f"CPU, {DEFAULT_THREADS} thread a run; PyTorch sees no CUDA device",
        "A full run of 15 epochs takes minutes on one core; nothing needs to be done.",
    )


def _data() -> Finding:
    from course.data import data_folder, is_available

    if is_available():
        return Finding("data", True, f"MNIST is there and its checksums are right ({data_folder()})")
    return Finding("data", False, "MNIST is not on this machine yet", "Run `autograder data`, or set MNIST_ROOT.")


def _isolation() -> Finding:
    from autograder.sandbox import Tier, best_tier, tier_problem

    tier = best_tier()
    if tier is Tier.BUBBLEWRAP:
        return Finding("isolation", True, "bubblewrap, Landlock and seccomp work (tried just now)")
    if tier is Tier.LANDLOCK:
        return Finding("isolation", True, tier.caveat, f"bubblewrap: {tier_problem(Tier.BUBBLEWRAP)}", needed=False)
    return Finding(
        "isolation",
        False,
        "nothing here can keep a submission from your files",
        "Grade on Linux with bubblewrap installed, or pass --trust-submissions for code you would run yourself.",
    )


def _secret() -> Finding:
    from autograder.store.secret import SECRET_VARIABLE, course_secret, secret_file

    course_secret()
    where = SECRET_VARIABLE if os.environ.get(SECRET_VARIABLE) else secret_file()
    return Finding(
        "secret", True, f"the course's secret, from which seeds are drawn, is in {where}; keep it to yourself"
    )
