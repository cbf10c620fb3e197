#!/usr/bin/env python3
"""Runs a command in the environment of a bundle: `python3 run COMMAND...`. A bundle has a copy of this file.

    python3 run autograder doctor
    python3 run autograder grade --device cuda submission.ipynb
    python3 run python -m autograder.bench.gpu --minutes 8 --out results

The first call makes the environment, in seconds and without a network: that of the Python that runs this, with its
PyTorch, and the bundle's wheels on top. It is in the folder `env` of the bundle, or in $UNDER8K_ENV.
Nothing outside of it is installed or changed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn


def main(bundle: Path, command: list[str]) -> NoReturn:
    """Replace this process by the command. Ends it with a sentence where that is impossible."""
    if not command or command[0] in ("-h", "--help"):
        sys.exit(__doc__)
    manifest = json.loads((bundle / "manifest.json").read_text())
    if problem := machine_problem(manifest):
        sys.exit(f"run: {problem}")
    environment = Path(os.environ.get("UNDER8K_ENV") or bundle / "env").absolute()
    make_environment(environment, bundle / "wheels", manifest["under8k"])
    variables = {**os.environ, "VIRTUAL_ENV": str(environment), "UNDER8K_BUNDLE": str(bundle)}
    variables["PATH"] = os.pathsep.join([str(environment / "bin"), os.environ.get("PATH", os.defpath)])
    variables.setdefault("MNIST_ROOT", str(bundle / "mnist"))
    try:
        os.execvpe(command[0], command, variables)
    except OSError as error:
        sys.exit(f"run: {command[0]} cannot be run: {error.strerror}.")


def machine_problem(manifest: dict[str, Any]) -> str:
    """Why the bundle does not fit this Python; empty if it does. Versions are compared by pip, when it installs."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python != manifest["python"]:
        return f"The bundle is for Python {manifest['python']}, and this is {python}. Make one with --python {python}."
    missing = [name for name in map(name_of, manifest["expects"]) if not _is_installed(name)]
    if missing:
        return (
            f"{sys.executable} has no {', '.join(missing)}. Run this with the Python that has them, or make a bundle "
            f"that brings them: {' '.join(f'--with {name}' for name in missing)}."
        )
    return ""


def name_of(requirement: str) -> str:
    """The package that a requirement names: "llvmlite>=0.45,<1" -> "llvmlite"."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def make_environment(environment: Path, wheels: Path, version: str) -> None:
    """Make or complete the environment, unless it is there. Two processes do not make it at once."""
    ready = environment / ".under8k"
    try:
        environment.mkdir(parents=True, exist_ok=True)
        lock = open(environment.with_name(f"{environment.name}.lock"), "w")  # noqa: SIM115 - until the command runs
    except OSError as error:
        sys.exit(f"run: {error.filename} cannot be written ({error.strerror}). Set UNDER8K_ENV to a folder that can.")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready.is_file() and ready.read_text() == _stamp(wheels):
            return
        print(f"run: making the environment in {environment}", file=sys.stderr)
        venv.EnvBuilder(system_site_packages=True, symlinks=True, clear=True).create(environment)
        site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
        # "system" is the Python below: packages of a virtual environment that runs this are added by name
        (site_packages / "machine.pth").write_text("\n".join(machine_packages(sys.path)) + "\n")
        # the wheels alone: what PyTorch or another package here lacks by its own word is not ours to mend
        pip = next(wheels.glob("pip-*.whl"))
        _pip(environment, pip, "install", "--no-index", "--no-deps", *(set(wheels.glob("*.whl")) - {pip}))
        unfit = [line for line in _pip(environment, pip, "check").splitlines() if line.startswith("under8k ")]
        if unfit:
            sys.exit(f"run: this machine's packages do not fit. {' '.join(unfit)}")
        ready.write_text(_stamp(wheels))


def _pip(environment: Path, pip: Path, command: str, *arguments: str | Path) -> str:
    """What `pip` says: the bundle's own, since an environment need not have one."""
    done = subprocess.run(
        [environment / "bin" / "python", "-m", "pip", command, "--disable-pip-version-check", *arguments],
        env={**os.environ, "PYTHONPATH": str(pip), "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
    )
    if done.returncode and command != "check":  # which fails for what other packages lack, too
        sys.exit(f"run: the environment could not be made. {done.stderr.strip()}")
    return done.stdout


def machine_packages(path: Iterable[str]) -> list[str]:
    """The folders of packages on a module search path."""
    return [folder for folder in path if Path(folder).name in ("site-packages", "dist-packages")]


def _stamp(wheels: Path) -> str:
    """Changes with the bundle and with the Python that runs this."""
    files = [f"{wheel.name} {wheel.stat().st_size}" for wheel in sorted(wheels.glob("*.whl"))]
    return "\n".join([sys.executable, *machine_packages(sys.path), *files])


if __name__ == "__main__":
    main(Path(__file__).resolve().parent, sys.argv[1:])
