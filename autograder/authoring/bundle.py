"""`python -m autograder.authoring bundle`: a folder for a machine without network, such as a node of a cluster.

run            makes an environment on top of the machine's own PyTorch, and runs what it is told in it
wheels/        this project, and what the command `autograder` needs beside what a PyTorch installation has
mnist/         the four files, compressed
solutions/     the worked notebooks, to try the grading with
tests/         the honest recipes among the example submissions, for `python -m autograder.bench.gpu`
manifest.json  what the bundle is for, and what it expects of the machine
"""

from __future__ import annotations

import gzip
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from autograder.authoring import lessons, run_in_bundle
from autograder.authoring.run_in_bundle import name_of
from autograder.console import report_errors
from course import __version__, data
from course.errors import GraderError

EXTRA = "command"  # of pyproject.toml: what `autograder` needs without Jupyter and nbgrader
# Large, and on every machine for PyTorch, or too large to carry: llvmlite alone has 60 MB
EXPECTED = ("torch", "torchvision", "numpy", "llvmlite", "matplotlib", "pillow")
MAX_MEGABYTES = 60
# pip matches each of them exactly; PyTorch itself asks for glibc 2.28
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
RECIPES = "tests/submissions/honest_*/recipe.py"


@click.command()
@click.option(
    "--python",
    default=platform.python_version().rpartition(".")[0],
    show_default=True,
    metavar="X.Y",
    help="The Python of the machine that the bundle is for.",
)
@click.option("--machine", default="x86_64", show_default=True, help="Its processor, as `uname -m` says.")
@click.option(
    "--with",
    "carried",
    multiple=True,
    metavar="NAME",
    help=f"Carry this package too, which is otherwise expected there: {', '.join(EXPECTED[2:])}.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("build/bundle"),
    show_default=True,
    help="The folder to write. An older bundle in it is replaced.",
)
@report_errors
def bundle(python: str, machine: str, carried: tuple[str, ...], out: Path) -> None:
    """Write a folder with all that grading needs on a machine that has PyTorch and no network.

    Copy it there, and run `python3 bundle/run autograder grade FILE`.
    """
    requirements, expected = split_requirements(lessons.ROOT, carried)
    digits = data.ensure()
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder, "bundle")
        wheels = new / "wheels"
        wheels.mkdir(parents=True)
        build_wheel(lessons.ROOT, wheels)
        download([*requirements, "pip"], wheels, python, machine)
        copy_files(lessons.ROOT, digits, new)
        manifest = {"under8k": __version__, "python": python, "machine": machine, "expects": expected}
        (new / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(new, out)
    click.echo(f"{out}: {describe_size(out)}, for Python {python} on {machine}")
    click.echo(f"It expects there: {', '.join(expected)}")


def split_requirements(root: Path, carried: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """What the bundle carries, and what it expects: requirements of the project and of its extra `EXTRA`."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    requirements: list[str] = project["dependencies"] + project["optional-dependencies"][EXTRA]
    expected = [text for text in requirements if name_of(text) in set(EXPECTED) - set(carried)]
    return [text for text in requirements if text not in expected], expected


def build_wheel(root: Path, wheels: Path) -> None:
    """This project's wheel, built from a copy: a build leaves files behind that a later one would pack."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("course", "autograder"):
            shutil.copytree(root / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(root / name, folder)
        _pip("wheel", "--no-deps", "--wheel-dir", wheels, folder)


def download(requirements: Sequence[str], wheels: Path, python: str, machine: str) -> None:
    """The wheels of the requirements and of all that they need, in the releases of constraints.txt."""
    platforms = [f"--platform={name}_{machine}" for name in PLATFORMS]
    target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms]
    _pip("download", *target, "--constraint", lessons.ROOT / "constraints.txt", "--dest", wheels, *requirements)


def _pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise GraderError(f"pip could not {arguments[0]} what the bundle needs. {' '.join(errors)[:600]}")


def copy_files(root: Path, digits: Path, bundle: Path) -> None:
    """All but the wheels and the manifest."""
    shutil.copy(run_in_bundle.__file__, bundle / "run")
    (bundle / "run").chmod(0o755)
    (bundle / "mnist").mkdir()
    for name in data.FILES:
        with gzip.GzipFile(bundle / "mnist" / f"{name}.gz", "wb", compresslevel=6, mtime=0) as packed:
            packed.write((digits / name).read_bytes())
    for path in [*root.glob("solutions/*/*.ipynb"), *root.glob(RECIPES)]:
        copy = bundle / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def describe_size(bundle: Path) -> str:
    """The size, and if it is more than planned, what is large."""
    sizes = {path: path.stat().st_size / 1e6 for path in bundle.rglob("*") if path.is_file()}
    total = f"{sum(sizes.values()):.0f} MB"
    if sum(sizes.values()) <= MAX_MEGABYTES:
        return total
    largest = sorted(sizes, key=lambda path: -sizes[path])[:3]
    return f"{total}, more than {MAX_MEGABYTES} ({', '.join(f'{p.name} {sizes[p]:.0f} MB' for p in largest)})"
