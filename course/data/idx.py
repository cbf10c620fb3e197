"""IDX, the format of MNIST's files: two zero bytes, the type, the number of dimensions, their sizes, then the values.

Only unsigned bytes (type 8) occur. The header's numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from course.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import torch

UINT8 = 8


def shape_of(name: str, content: bytes) -> tuple[int, ...]:
    """The sizes in the header of the file `name`. Raises DataError if it is not a whole file of unsigned bytes."""
    if len(content) < 8 or content[:3] != bytes((0, 0, UINT8)) or not content[3]:
        raise DataError(f"{name} is no IDX file of unsigned bytes: it begins with {content[:4].hex(' ') or 'nothing'}.")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(f"{name} ends within its header.")
    sizes = struct.unpack_from(f">{content[3]}I", content, offset=4)
    if len(content) != start + prod(sizes):
        raise DataError(
            f"{name} has {len(content):,} bytes, and {start + prod(sizes):,} for the sizes {sizes} in its header."
        )
    return sizes


def decode(content: bytes) -> torch.Tensor:
    """A uint8 tensor in the shape that the file's header gives."""
    import torch

    sizes = struct.unpack_from(f">{content[3]}I", content, offset=4)
    # a bytearray, because a tensor is writable memory and bytes are not
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def encode(arrays: Sequence[np.ndarray], shape: tuple[int, ...] = ()) -> bytes:
    """One file of the arrays, each holding some items of `shape`, one after the other; values are cast to uint8."""
    sizes = sum(map(len, arrays)), *shape
    header = struct.pack(f">BBBB{len(sizes)}I", 0, 0, UINT8, len(sizes), *sizes)
    return header + b"".join(array.astype("uint8").tobytes() for array in arrays)
