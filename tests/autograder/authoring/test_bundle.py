"""A bundle holds all that a machine with PyTorch lacks, and works there without a network."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.authoring import bundle
from autograder.authoring.lessons import ROOT
from autograder.authoring.run_in_bundle import name_of
from course import __version__, data


def test_every_requirement_is_carried_or_expected_and_pytorch_is_never_carried():
    carried, expected = bundle.split_requirements(ROOT)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sorted(carried + expected) == sorted(project["dependencies"] + project["optional-dependencies"]["command"])
    assert {name_of(text) for text in expected} == set(bundle.EXPECTED)
    assert {"pydantic", "sqlalchemy", "platformdirs"} <= {name_of(text) for text in carried}


def test_a_package_that_the_machine_lacks_is_carried_on_request():
    carried, expected = bundle.split_requirements(ROOT, ["llvmlite"])
    assert "llvmlite" in {name_of(text) for text in carried}
    assert "llvmlite" not in {name_of(text) for text in expected}


def test_the_bundle_has_the_digits_the_solutions_and_recipes_and_says_what_it_is_for(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(bundle, "_pip", lambda *arguments: asked.append([str(argument) for argument in arguments]))
    out = tmp_path / "out"
    (out / "old").mkdir(parents=True)
    run = CliRunner().invoke(bundle.bundle, ["--python", "3.12", "--out", str(out)])
    assert run.exit_code == 0, run.output
    wheel, download = asked
    assert (
        wheel[0] == "wheel" and "--python-version=3.12" in download and "--platform=manylinux_2_28_x86_64" in download
    )
    for name in data.FILES:
        assert gzip.decompress((out / "mnist" / f"{name}.gz").read_bytes()) == (data.ensure() / name).read_bytes()
    assert (out / "solutions/challenge/challenge.ipynb").is_file()
    assert len(list(out.glob("tests/submissions/honest_*/recipe.py"))) > 12
    assert not (out / "old").exists() and os.access(out / "run", os.X_OK)
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["python"], manifest["under8k"]) == ("3.12", __version__)


def test_a_bundle_that_cannot_be_fetched_replaces_nothing(tmp_path, monkeypatch):
    (tmp_path / "old").touch()
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    run = CliRunner().invoke(bundle.bundle, ["--out", str(tmp_path)])
    assert run.exit_code == 3
    assert (tmp_path / "old").exists()


def machine_python(folder: Path) -> Path:
    """A Python that has what the bundle expects of a machine, with what that needs, and nothing else."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    waiting, seen = list(bundle.EXPECTED), set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of PyTorch for CUDA, where there is one for CPUs
            continue
        for file in distribution.files or ():
            link, target = site_packages / file.parts[0], distribution.locate_file(file.parts[0])
            if file.parts[0] != ".." and not link.exists() and Path(target).exists():
                link.symlink_to(target)
        needs = map(Requirement, distribution.requires or ())
        waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return folder / "bin" / "python"


@pytest.mark.registry
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_a_bundle_works_on_a_machine_without_network(tmp_path):
    out = tmp_path / "bundle"
    run = CliRunner().invoke(bundle.bundle, ["--out", str(out)])
    assert run.exit_code == 0, run.output
    assert sum(path.stat().st_size for path in out.rglob("*")) < bundle.MAX_MEGABYTES * 1e6
    with zipfile.ZipFile(next(out.glob("wheels/under8k-*.whl"))) as wheel:
        assert "autograder/leaderboard/pages/templates/base.html" in wheel.namelist()
    python = machine_python(tmp_path / "machine")
    offline = ["bwrap", "--dev-bind", "/", "/", "--unshare-net", "--", str(python), str(out / "run")]
    script = (
        "import socket, sys, torch, course, autograder.grading.pipeline\n"
        "from course import data\n"
        "print(course.__file__, len(data.load().train.images))\n"
        "socket.create_connection(('192.0.2.1', 80), 5)"
    )
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    alone = {"env": environment, "cwd": tmp_path, "capture_output": True, "text": True}
    done = subprocess.run([*offline, "python", "-c", script], **alone)
    assert done.stdout.split() == [str(next(out.glob("env/lib/*/site-packages/course/__init__.py"))), "60000"]
    assert "unreachable" in done.stderr
    again = subprocess.run([*offline, "autograder", "--version"], **alone)
    assert (again.returncode, __version__ in again.stdout, "making" in again.stderr) == (0, True, False), again
