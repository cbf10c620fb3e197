"""How Numba compiles loops over arrays, and where it keeps the compiled code: beside Python's own, in `__pycache__`.

Compiling all loops takes a process 4 s, and reading them 0.5 s. Numba reads only from a folder that it may write to.
So a process in a sandbox, which may not write to `__pycache__`, names another one in `$NUMBA_CACHE_DIR`: what
`__pycache__` has is copied there. Numba compiles again what was compiled from another source or for another processor.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")
_OWN_FOLDER: str = numba.config.CACHE_DIR  # type: ignore[attr-defined]  # $NUMBA_CACHE_DIR, or empty


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function` compiled at its first call for the types of its arguments; it releases Python's global lock.

    "contract" lets a product and a sum be rounded once. The order of operations and the handling of NaN do not change.
    """
    dispatcher: Any = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)(function)
    source = Path(function.__code__.co_filename)
    if _OWN_FOLDER or (not sys.dont_write_bytecode and os.access(source.parent, os.W_OK)):
        dispatcher.enable_caching()
    if _OWN_FOLDER:
        _copy_compiled(source.with_name("__pycache__"), Path(dispatcher.stats.cache_path))
    result: Callable[P, R] = dispatcher
    return result


@functools.cache
def _copy_compiled(source: Path, target: Path) -> None:
    for path in source.glob("*.nb[ic]"):
        shutil.copy2(path, target)
