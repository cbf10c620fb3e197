"""How Numba compiles loops over arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function` compiled at its first call for the types of its arguments; it releases Python's global lock.

    "contract" lets a product and a sum be rounded once. The order of operations and the handling of NaN do not change.
    """
    dispatcher: Callable[P, R] = numba.njit(fastmath={"contract"}, error_model="numpy", nogil=True)(function)
    return dispatcher
