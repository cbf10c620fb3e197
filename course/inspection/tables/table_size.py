"""How many numbers it takes to write a table down.

A table that is plainly regular takes few: it is constant or repeats itself along an axis, a ramp, a sum or product of
one row and one column, or the same along its diagonals. Any other takes as many as it has elements: a few different
values in an order of their own hold as much as many values do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

TOLERANCE = 1e-5  # of the largest value; 28 steps of float32 rounding stay below it
_PERIODS = 8  # that are tried


def described_size(table: Tensor, *, exact: bool) -> int:
    """The numbers in the shortest description of `table` that is found; at least 1.

    `exact` accepts only what holds to the last bit: several digits fit below a tolerance.
    """
    for axis, stride in reversed(list(enumerate(table.stride()))):
        if stride == 0 and table.shape[axis]:  # a broadcast, which may be very large
            table = table.select(axis, 0)
    table = _without_repetition(table.detach().double(), exact)
    sizes = [table.numel()]
    if table.dim() == 1:
        sizes.append(_profile_size(table, exact))
    if table.dim() == 2:
        sizes += _matrix_sizes(table, exact)
    if table.dim() >= 2 and not exact and bool(table.isfinite().all()):
        sizes += _separable_sizes(table)
    return max(1, min(sizes))


def _without_repetition(table: Tensor, exact: bool) -> Tensor:
    """One of each: of equal slices along an axis, of a period, of runs of one length, and of two mirrored halves."""
    before = -1
    while before != table.numel():
        before = table.numel()
        for axis in range(table.dim()):
            slices = table.movedim(axis, 0).flatten(1) if table.dim() > 1 else table[:, None]
            table = table.index_select(axis, _kept(slices, exact))
    return table.squeeze()


def _kept(slices: Tensor, exact: bool) -> Tensor:
    """The numbers of the slices that give all the others."""
    length = len(slices)
    if length < 2:
        return torch.arange(length)
    like_first = (slices == slices[0]).all(1).nonzero().flatten()[1 : 1 + _PERIODS].tolist()
    for period in like_first:
        if 2 * period <= length and torch.equal(slices[period:], slices[:-period]):
            return torch.arange(period)
    starts = torch.cat((torch.zeros(1, dtype=torch.int64), _changes(slices) + 1))
    run = int(starts[1]) if len(starts) > 1 else length
    if run > 1 and torch.equal(starts, torch.arange(0, length, run)):
        return starts
    if _is_same(slices, slices.flip(0), exact):
        return torch.arange((length + 1) // 2)
    return torch.arange(length)


def _changes(slices: Tensor) -> Tensor:
    return (slices[1:] != slices[:-1]).any(1).nonzero().flatten()


def _profile_size(profile: Tensor, exact: bool) -> int:
    """The numbers in a row: 2 for a ramp, 2 for each run of equal ones."""
    sizes = [len(profile), 2 * (len(_changes(profile[:, None])) + 1)]
    if not exact and len(profile) > 2:
        ramp = torch.linspace(float(profile[0]), float(profile[-1]), len(profile), dtype=torch.float64)
        sizes += [2] * _is_close(profile, ramp)
    return min(sizes)


def _matrix_sizes(matrix: Tensor, exact: bool) -> Iterator[int]:
    rows, columns = matrix.shape
    if torch.equal(matrix[1:, 1:], matrix[:-1, :-1]):
        yield _profile_size(torch.cat((matrix[:, 0].flip(0), matrix[0, 1:])), exact)
    if rows == columns and _is_same(matrix, matrix.t(), exact):
        yield rows * (rows + 1) // 2


def _separable_sizes(table: Tensor) -> Iterator[int]:
    """The sizes as a sum, and as a product, of one row along each axis."""
    place = torch.unravel_index(table.abs().argmax(), table.shape)
    pivot = float(table[place])
    rows = []
    for axis in range(table.dim()):
        index: list[slice | Tensor] = list(place)
        index[axis] = slice(None)
        shape = [1] * table.dim()
        shape[axis] = -1
        rows.append(table[tuple(index)].reshape(shape))
    size = sum(_profile_size(row.flatten(), exact=False) for row in rows)
    if _is_close(table, sum(rows[1:], rows[0]) - (table.dim() - 1) * pivot):
        yield size
    if pivot != 0 and _is_close(table, math.prod(rows[1:], start=rows[0]) / pivot ** (table.dim() - 1)):
        yield size


def _is_same(a: Tensor, b: Tensor, exact: bool) -> bool:
    return torch.equal(a, b) if exact else _is_close(a, b)


def _is_close(a: Tensor, b: Tensor) -> bool:
    scale = float(a.abs().max())
    return math.isfinite(scale) and bool(((a - b).abs() <= TOLERANCE * scale).all())
