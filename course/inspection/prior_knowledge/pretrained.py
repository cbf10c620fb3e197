"""Finds initial values that are the same under every seed, also behind random signs, scales and orders.

This does not ask how values were made, so it stands beside `initialization`, which does. A tensor is drawn under many
seeds. A value counts as pretrained when it differs from the rest of its tensor in the same way every time: by itself,
by its size within its row, or by its rank. Rows are output channels; their scale and sign are undone by the batch norm
behind them, that of the columns by the layer before.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course import spec
from course.network import batch_norm_statistics, initial_tensors_by_seed

MAX_PRETRAINED = spec.MAX_VALUES  # initial weights with values of their own
MAX_BUFFERED = 2_048  # different values in buffers and constants: positions and filters are the same under every seed
SEEDS = 32
STANDARD_ERRORS = 4.0  # by chance one honest weight in 3,000 is further from the median of its tensor
STEADY = 0.25  # deviation / mean of a size; 0.5 and more for values drawn from a normal or uniform distribution
# Variance of the value of one rank, as a share of what independent draws have: below the first for the median of all
# ranks, or below the second for one of them, the values are the same. The medians of honest draws are 0.5 and more.
RANKED, ONE_RANKED = 0.4, 0.1


def pretrained_problems(network: spec.Network) -> list[str]:
    """A sentence if more initial values than allowed are the same under every seed."""
    counts = pretrained_weights(network)
    trainable = {tensor.name for tensor in network.tensors if tensor.kind == "parameter"}
    problems = []
    for names, limit, what in (
        (counts.keys() & trainable, MAX_PRETRAINED, "initial weights"),
        (counts.keys() - trainable, MAX_BUFFERED, "initial values of tensors that are not parameters"),
    ):
        total = sum(counts[name] for name in names)
        if total > limit:
            name = max(sorted(names), key=lambda name: counts[name])
            problems.append(
                f"{total:,} {what} have values of their own, the same under every seed but for signs, scales and order "
                f"({counts[name]:,} in {name!r}), and {limit:,} are allowed. Draw or fill them with torch.nn.init; "
                "pretrained weights are not accepted."
            )
    return problems


def pretrained_weights(network: spec.Network) -> dict[str, int]:
    """Tensors with pretrained initial values, and how many of them there are.

    Batch norm's statistics are left out, because they start from 0 and 1 whatever a recipe says. In buffers and
    constants, equal values count once.
    """
    free = batch_norm_statistics(network)
    starts = list(initial_tensors_by_seed(network, range(SEEDS)))
    counts = {}
    for index, tensor in enumerate(network.tensors):
        values = torch.stack([start[index].detach().double() for start in starts])
        if index in free or values[0].numel() < 2:
            continue
        by_place = values.flatten(1).mean(0)[_same_values(values.flatten(1)) | _same_sizes(values)]
        by_rank = _sizes_of_same_rank(values)
        if tensor.kind != "parameter":
            by_place, by_rank = by_place.float().unique(), by_rank.float().unique()
        if number := max(len(by_place), len(by_rank)):
            counts[tensor.name] = number
    return counts


def _same_values(values: Tensor) -> Tensor:
    """Which elements differ from their tensor's median by more than chance; `values` is (seeds, elements)."""
    mean, error = values.mean(0), values.std(0) / SEEDS**0.5
    differs: Tensor = (mean - mean.median()).abs() > STANDARD_ERRORS * error + 1e-9
    return differs


def _same_sizes(values: Tensor) -> Tensor:
    """Which elements have a steady size within their row, and one that differs from the median."""
    sizes = _rows(values.abs())
    sizes = (sizes / sizes.norm(dim=2, keepdim=True).clamp_min(1e-30)).flatten(1)
    is_steady: Tensor = sizes.std(0) < STEADY * sizes.mean(0)
    return _same_values(sizes) & is_steady


def _sizes_of_same_rank(values: Tensor) -> Tensor:
    """Those of the sorted sizes that vary far less from seed to seed than those of independent draws would."""
    sizes = _rows(values.abs())
    generator = torch.Generator().manual_seed(0)
    drawn = sizes.clone()  # zeros stay: a mask, or nn.init.sparse_, may leave a fixed number of them
    kept = sizes[sizes > 0]
    drawn[sizes > 0] = kept[torch.randint(max(len(kept), 1), kept.shape, generator=generator)]
    largest = sizes.new_zeros(0)
    for rounds in (1, 5):  # without the scale of the tensor; without those of rows and columns too
        found, expected = (_balanced(s, rounds).flatten(1).sort(dim=1).values for s in (sizes, drawn))
        differs = expected.var(0) > 1e-12
        ratios = found.var(0)[differs] / expected.var(0)[differs]
        if len(ratios):
            same = ratios < (2 * RANKED if ratios.median() < RANKED else ONE_RANKED)
            largest = max(largest, found.mean(0)[differs][same], key=len)
    return largest


def _rows(values: Tensor) -> Tensor:
    """(seeds, ...) -> (seeds, rows, columns); a vector is one row."""
    return values.flatten(2) if values.dim() > 2 else values.reshape(len(values), 1, -1)


def _balanced(sizes: Tensor, rounds: int) -> Tensor:
    """Without the scale of the whole tensor, and after some rounds without those of its rows and columns."""
    for number in range(rounds):
        for dimensions in [(2,), (1,)] if number else [(1, 2)]:
            if sizes.shape[dimensions[0]] > 1:
                sizes = sizes / sizes.square().mean(dimensions, keepdim=True).sqrt().clamp_min(1e-30)
    return sizes
