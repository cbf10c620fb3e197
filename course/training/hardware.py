"""What this machine offers for training. PyTorch takes seconds to load: it is only asked where it may have a GPU."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Literal

from course.errors import UsageError

DEFAULT_THREADS = 1  # of a graded run; the kernels' results do not depend on it
MAX_USEFUL_THREADS = 16  # a step of a small network is too short to be divided further
# of NVIDIA's driver on a PC, on a Jetson and under WSL, and of AMD's, which PyTorch calls CUDA too
_GPU_NODES = ("nvidia*", "nvhost*", "nvgpu*", "dxg", "kfd")


def choose_device_type(name: str = "auto") -> Literal["cpu", "cuda"]:
    """The kind of device called "cpu" or "cuda"; "auto" is CUDA if available, else the CPU. Raises UsageError."""
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"The device {name!r} is not known. Use auto, cpu or cuda.")
    if name == "cpu":
        return "cpu"
    if may_have_gpu():
        import torch

        if torch.cuda.is_available():
            return "cuda"
    if name == "cuda":
        raise UsageError("This machine has no CUDA device that PyTorch can use. Use the device cpu, or auto.")
    return "cpu"


def may_have_gpu(devices: Path = Path("/dev")) -> bool:
    """False only if no driver of a GPU has made a device node, as each of them does on Linux."""
    return sys.platform != "linux" or any(any(devices.glob(pattern)) for pattern in _GPU_NODES)


def usable_cores() -> int:
    """Cores that this process may use, at most 16: not counting hyperthreads, and within a container's quota."""
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    topology = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        cores = len({Path(topology.format(number)).read_text() for number in affinity})
    except OSError:  # not Linux
        cores = len(affinity)
    return max(1, min(cores, _quota(), MAX_USEFUL_THREADS))


def _quota(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Whole processors that the container may use: "200000 100000" microseconds of each period are 2."""
    try:
        quota, period = file.read_text().split()
        return int(quota) // int(period)
    except (OSError, ValueError):  # another system; "max", which is no limit
        return MAX_USEFUL_THREADS


def processor_name() -> str:
    """The CPU's name, or at least its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()
