"""What this machine offers for training. PyTorch takes seconds to load: it is only asked where it may have a GPU."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Literal

from course.errors import UsageError

DEFAULT_THREADS = 1  # of a graded run; results do not depend on it
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


def processor_name() -> str:
    """The CPU's name, or at least its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()
