"""The device that trains, and the settings under which results are repeatable."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
from collections.abc import Iterator

import torch

from course.errors import RecipeError, SpecError
from course.kernels.instructions import using_threads
from course.training.hardware import choose_device_type

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # options of mallopt(3), from glibc's malloc.h
_BACKEND_SETTINGS = {
    (torch.backends.cudnn, "deterministic"): True,
    (torch.backends.cudnn, "benchmark"): False,
    (torch.backends.cudnn, "allow_tf32"): False,
    (torch.backends.cuda.matmul, "allow_tf32"): False,
    # no memory is shown before it is written, see `course.network.program`
    (torch.utils.deterministic, "fill_uninitialized_memory"): False,
}


def choose_device(name: str = "auto") -> torch.device:
    """The device called "cpu" or "cuda"; "auto" is CUDA if available, else the CPU. Raises UsageError."""
    return torch.device(choose_device_type(name))


@functools.cache
def reuse_memory() -> bool:
    """Let malloc keep freed blocks of up to 32 MiB for the next tensors. False where the C library is not glibc.

    By default glibc returns such blocks to the system at once, and the system clears every page before its next use.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 32 * 2**20) and mallopt(_M_TRIM_THRESHOLD, 512 * 2**20))


@contextlib.contextmanager
def deterministic(device: torch.device, threads: int = 1) -> Iterator[None]:
    """Inside: deterministic algorithms, `threads` threads for the CPU's kernels. Afterwards: the caller's settings.

    PyTorch's own operators have one thread: what they add up depends on their number.
    """
    threads_before = torch.get_num_threads()
    algorithms_before = torch.are_deterministic_algorithms_enabled()
    warn_only_before = torch.is_deterministic_algorithms_warn_only_enabled()
    backends_before = [getattr(*setting) for setting in _BACKEND_SETTINGS]
    if device.type == "cuda":
        # cuBLAS reads it when its first handle is created; without it matrix products are not deterministic
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(device.type == "cuda")
    for setting, value in _BACKEND_SETTINGS.items():
        setattr(*setting, value)
    try:
        with using_threads(threads):
            yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(algorithms_before, warn_only=warn_only_before)
        for setting, value in zip(_BACKEND_SETTINGS, backends_before, strict=True):
            setattr(*setting, value)


@contextlib.contextmanager
def refusing_unrepeatable() -> Iterator[None]:
    """Inside, and in `deterministic`, an operator that gives other results each time raises RecipeError."""
    try:
        yield
    except (RuntimeError, SpecError) as error:
        found = re.search(r"(\w+) does not have a deterministic implementation", str(error))
        if found is None:
            raise
        raise RecipeError(
            f"On CUDA, PyTorch's {found[1]} gives slightly different results each time, and a graded run must be "
            "repeatable. Use another operator, such as one with fixed windows, or the device cpu."
        ) from error


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Inside: PyTorch's global random state is seeded with `seed`. Afterwards: the caller's random state."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
