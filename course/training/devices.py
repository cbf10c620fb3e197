"""Which device trains, and under which settings results repeat."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections.abc import Iterator

import torch

from course.errors import UsageError

# one thread: what computes here (course.network.kernels) has one, and results do not depend on the number of cores
DEFAULT_THREADS = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_BACKENDS = {
    (torch.backends.cudnn, "deterministic"): True,
    (torch.backends.cudnn, "benchmark"): False,
    (torch.backends.cudnn, "allow_tf32"): False,
    (torch.backends.cuda.matmul, "allow_tf32"): False,
}


def choose(name: str = "auto") -> torch.device:
    """ "auto" is CUDA where there is one, else the CPU. Raises UsageError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise UsageError(f"The device {name!r} is not known. Use auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("This machine has no CUDA device that PyTorch can use. Use --device cpu, or auto.")
    return torch.device(name)


@functools.cache
def reuse_memory() -> bool:
    """Let this process keep the memory of tensors up to 32 MiB for the next ones; False where the C library cannot.

    glibc hands such blocks back to the system at once, which clears them again, page by page, before their next use.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 32 * 2**20) and mallopt(_M_TRIM_THRESHOLD, 512 * 2**20))


@contextlib.contextmanager
def repeatable(device: torch.device, threads: int) -> Iterator[None]:
    """Same inputs, same numbers: thread count and deterministic kernels inside, the caller's settings after."""
    threads_before = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    before = [getattr(*place) for place in _BACKENDS]
    if device.type == "cuda":
        # read by cuBLAS when its first handle is made; without it matrix products are not repeatable
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device.type == "cuda", warn_only=True)
    for place, value in _BACKENDS.items():
        setattr(*place, value)
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        for place, value in zip(_BACKENDS, before, strict=True):
            setattr(*place, value)


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """PyTorch's global random state is set from `seed` inside, and the caller's after."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
