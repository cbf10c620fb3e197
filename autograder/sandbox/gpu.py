"""What a process in bubblewrap is shown so that it can use a GPU: device nodes and the driver's libraries, no more."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.sandbox.namespaces import bubblewrap, environment, readable_paths
from autograder.sandbox.supervisor import last_stderr_line
from course.errors import CourseError

TRIAL_SECONDS = 120.0  # importing torch from a slow disk takes long
# a program computes through these: the GPUs, their common control, unified memory, parts of a GPU (MIG), WSL
_NODES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps/nvidia-cap[0-9]*", "dxg")
_VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")  # which of the GPUs, as whoever grades has chosen
_DRIVER = "libcuda.so.1"
_TRIAL = """
import os, sys, torch
if os.path.exists(sys.argv[1]):
    sys.exit("A file of yours can be seen there.")
if not torch.cuda.is_available():
    sys.exit("PyTorch finds no CUDA device there.")
if torch.ones(2, device="cuda").sum().item() != 2:
    sys.exit("The GPU computed a wrong sum there.")
"""


@dataclass(frozen=True)
class GPUAccess:
    """The device nodes to bind, the folders of the driver's libraries, and variables of the environment."""

    nodes: tuple[Path, ...] = ()
    libraries: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def gpu_access(devices: Path = Path("/dev")) -> GPUAccess:
    """What there is on this machine. Libraries in the system's own folders are readable in any case."""
    search = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    libraries = tuple(Path(folder) for folder in search if folder and (Path(folder) / _DRIVER).is_file())
    variables = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    if libraries:
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
    return GPUAccess(tuple(sorted(node for pattern in _NODES for node in devices.glob(pattern))), libraries, variables)


@functools.cache
def gpu_problem() -> str | None:
    """Why a process in bubblewrap cannot use the GPU here, as a sentence; None if it can. The first call tries it."""
    access = gpu_access()
    with tempfile.NamedTemporaryFile() as secret:
        try:
            trial = subprocess.run(
                bubblewrap(
                    [sys.executable, "-P", "-s", "-c", _TRIAL, secret.name],
                    readable_paths(access.libraries),
                    devices=access.nodes,
                ),
                env=environment() | dict(access.variables),
                capture_output=True,
                timeout=TRIAL_SECONDS,
                check=False,
            )
        except (CourseError, OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    if trial.returncode == 0:
        return None
    return last_stderr_line(trial.stderr) or f"The trial ended with exit code {trial.returncode}."
