"""The random numbers of dropout, drawn inside of kernels: the same for every number of threads.

Each channel of a block of images has a stream of its own, so that any thread can draw it, and the backward pass can
draw it again instead of reading a mask. The generator is xorshift128+ (Vigna, "Further scramblings of Marsaglia's
xorshift generators", 2017) in eight lanes, each seeded by SplitMix64 (Steele, Lea and Flood, 2014).
"""

from __future__ import annotations

from llvmlite import ir

from course.kernels.builder import LANES, Kernel, Value, vector
from course.kernels.layout import BLOCK

LEVELS = 2**16  # dropout compares 16 random bits with a threshold
_STREAMS = 8  # lanes of 64 bits: 16 for each of 32 images
_GOLDEN, _MIX_1, _MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # SplitMix64's constants


class Stream:
    """16 random bits for each image of a block, once for each call of `draw`; `key` and `number` choose the stream."""

    def __init__(self, kernel: Kernel, key: Value, number: Value):
        lanes = kernel.vector_of_integers(range(2 * _STREAMS))
        seeds = kernel.in_all_lanes(number * (2 * _STREAMS), 2 * _STREAMS) + lanes
        mixed = _split_mix(kernel.in_all_lanes(key, 2 * _STREAMS) + (seeds + 1) * _signed(_GOLDEN))
        self._first = kernel.variable(mixed.lanes(range(_STREAMS)) | 1)  # never all zeros
        self._second = kernel.variable(mixed.lanes(range(_STREAMS, 2 * _STREAMS)))

    def draw(self) -> list[Value]:
        """Two vectors of int16, for the first 16 images and the last."""
        x, y = self._first.get(), self._second.get()
        x = x ^ (x << 23)
        new = x ^ y ^ (x >> 18) ^ (y >> 5)
        self._first.set(y)
        self._second.set(new)
        bits = (new + y).bits(vector(ir.IntType(16), BLOCK))
        return [bits.lanes(range(first, first + LANES)) for first in range(0, BLOCK, LANES)]


def _split_mix(x: Value) -> Value:
    x = (x ^ (x >> 30)) * _signed(_MIX_1)
    x = (x ^ (x >> 27)) * _signed(_MIX_2)
    return x ^ (x >> 31)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
