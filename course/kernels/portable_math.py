"""Functions that round in the same way on every processor.

PyTorch's own exp, log, sin and the rest, and its sums, may differ in the last bit from one processor to another. Here
everything is made of additions, multiplications, divisions and square roots, each an operator of its own, which IEEE
754 defines to the last bit. Arguments are float64 on the CPU; tensors on another device are left to PyTorch, whose
results there are those of one kind of device.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

_HALF_PI_HIGH = math.ldexp(round(math.ldexp(math.pi / 2, 30)), -30)  # 31 bits: small multiples are exact
_HALF_PI_LOW = math.pi / 2 - _HALF_PI_HIGH
_LN2_HIGH = math.ldexp(round(math.ldexp(math.log(2), 30)), -30)
_LN2_LOW = math.log(2) - _LN2_HIGH
_SIN = [(-1) ** k / math.factorial(2 * k + 1) for k in range(9)]
_COS = [(-1) ** k / math.factorial(2 * k) for k in range(10)]
_EXP = [1 / math.factorial(k) for k in range(14)]
_ATANH = [1 / (2 * k + 1) for k in range(12)]


def sin_cos(x: Tensor) -> tuple[Tensor, Tensor]:
    """Sine and cosine of angles in radians, up to some thousand turns."""
    if x.device.type != "cpu":
        return torch.sin(x), torch.cos(x)
    quarters = torch.round(x * (2 / math.pi))
    r = x - quarters * _HALF_PI_HIGH - quarters * _HALF_PI_LOW  # |r| is at most pi / 4
    square = r * r
    sine, cosine = r * _polynomial(_SIN, square), _polynomial(_COS, square)
    quarter = quarters.remainder(4)
    is_odd = quarter.remainder(2) == 1
    sine, cosine = torch.where(is_odd, cosine, sine), torch.where(is_odd, sine, cosine)
    return torch.where(quarter >= 2, -sine, sine), torch.where((quarter == 1) | (quarter == 2), -cosine, cosine)


def log(x: Tensor) -> Tensor:
    """The natural logarithm of positive normal numbers."""
    if x.device.type != "cpu":
        return torch.log(x)
    mantissa, exponent = torch.frexp(x)  # mantissa in [1/2, 1)
    is_low = mantissa < math.sqrt(0.5)
    mantissa = torch.where(is_low, mantissa * 2, mantissa)
    n = exponent.to(x.dtype) - is_low.to(x.dtype)
    s = (mantissa - 1) / (mantissa + 1)
    return n * _LN2_HIGH + (n * _LN2_LOW + 2 * s * _polynomial(_ATANH, s * s))


def exp(x: Tensor) -> Tensor:
    """e ** x; 0 below -700."""
    if x.device.type != "cpu":
        return torch.exp(x)
    n = torch.round(x * (1 / math.log(2))).clamp(-1010, 1020)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    return torch.where(x < -700, 0.0, torch.ldexp(_polynomial(_EXP, r), n.long()))


def log_softmax(outputs: Tensor) -> Tensor:
    """Of (N, classes) float64 over the classes."""
    shifted = outputs - outputs.amax(1, keepdim=True)
    total = functools.reduce(torch.add, exp(shifted).unbind(1))
    return shifted - log(total)[:, None]


def _polynomial(coefficients: Sequence[float], x: Tensor) -> Tensor:
    total = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def sum_last(values: Tensor) -> Tensor:
    """The sum over the last dimension: the first half plus the second, and so on. On any device."""
    length = values.shape[-1]
    values = functional.pad(values, (0, (1 << (length - 1).bit_length()) - length))  # to a power of 2
    while values.shape[-1] > 1:
        first, second = values.chunk(2, -1)
        values = first + second
    return values.squeeze(-1)


def mean(values: Tensor) -> float:
    """The mean of finite numbers, from their exact sum."""
    return math.fsum(values.double().tolist()) / values.numel()


# ---- random numbers, by default from PyTorch's global generator


@torch.no_grad()
def uniform_(tensor: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """As `Tensor.uniform_`, with the same random bits. On the CPU."""
    numbers = torch.rand(tensor.shape, dtype=tensor.dtype)  # whole multiples of a power of 2, on every processor
    start = torch.tensor(low, dtype=tensor.dtype)
    width = torch.tensor(high, dtype=tensor.dtype) - start
    return tensor.copy_(numbers.double() * width.double() + start.double())


@torch.no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: torch.Generator | None = None) -> Tensor:
    """As `Tensor.normal_`, with other random numbers: those of Box and Muller (1958). On the CPU."""
    pairs = -(-tensor.numel() // 2)
    first, second = torch.rand(2, pairs, dtype=torch.float64, generator=generator)
    radius = (-2 * log(1 - first)).sqrt()
    sine, cosine = sin_cos(second * (2 * math.pi))
    numbers = torch.cat((radius * cosine, radius * sine))[: tensor.numel()]
    return tensor.copy_((numbers * std + mean).view(tensor.shape))
