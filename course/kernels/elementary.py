"""exp and log of float32 vectors, of operations that round the same everywhere; the error is below 3 units in the last
place, as tests show against float64.

Both reduce the argument by a power of two and then sum a series: that of exp, and that of the inverse hyperbolic
tangent (Muller, "Elementary Functions", 3rd edition, chapter 11).
"""

from __future__ import annotations

import math
import struct

from llvmlite import ir

from course.kernels.builder import FLOAT, Kernel, Value, vector

_INT32 = ir.IntType(32)
_LN2_HIGH = 0.693359375  # its 9 bits times an exponent are exact
_LN2_LOW = math.log(2) - _LN2_HIGH
_MIN_EXP, _MAX_EXP = -87.0, 88.0  # beyond these the result is 0 or infinite, but for a factor of 3
_EXP_TERMS, _LOG_TERMS = 8, 5


def exp(kernel: Kernel, x: Value) -> Value:
    """e ** x; 0 below -87, infinity above 88, NaN of NaN."""
    bounded = x.maximum(_MIN_EXP).minimum(_MAX_EXP)
    n = kernel.floor(kernel.fma(bounded, kernel.number(1 / math.log(2)), kernel.number(0.5)))
    r = kernel.fma(n, kernel.number(-_LN2_HIGH), bounded)
    r = kernel.fma(n, kernel.number(-_LN2_LOW), r)  # |r| is at most log(2) / 2
    total = kernel.number(1 / math.factorial(_EXP_TERMS - 1))
    for k in reversed(range(_EXP_TERMS - 1)):
        total = kernel.fma(total, r, kernel.number(1 / math.factorial(k)))
    power = ((n.to_int32() + 127) << 23).bits(vector(FLOAT))
    result = kernel.number(0.0).where(x < _MIN_EXP, total * power)
    result = kernel.number(math.inf).where(x > _MAX_EXP, result)
    return x.where(x.is_nan, result)


def log(kernel: Kernel, x: Value) -> Value:
    """The natural logarithm of normal positive numbers."""
    bits = x.bits(vector(_INT32))
    # the exponent for which the mantissa is in [sqrt(1/2), sqrt(2))
    exponent = ((bits - _float_bits(math.sqrt(0.5))) >> 23).as_signed_byte()
    mantissa = (bits - (exponent << 23)).bits(vector(FLOAT))
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    total = kernel.number(1 / (2 * _LOG_TERMS - 1))
    for k in reversed(range(_LOG_TERMS - 1)):
        total = kernel.fma(total, square, kernel.number(1 / (2 * k + 1)))
    n = exponent.to_float()
    result = kernel.fma(total, 2.0 * s, n * _LN2_LOW)
    return kernel.fma(n, kernel.number(_LN2_HIGH), result)


def _float_bits(number: float) -> int:
    """The bits of a float32, as an integer."""
    return int(struct.unpack("<i", struct.pack("<f", number))[0])
