"""What the network does in test mode, found by running it: each image by itself, nothing random, no state changed.

`dependence` follows a batch through the network, whatever its numbers are. Here the whole network is run as the grader
runs it, on batches as large, of images as the recipe's test transform makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course.inspection.dependence import dependence_problems
from course.inspection.modes.graphs import RANDOM_IN_TEST_MODE
from course.inspection.trials.images import digits, unusual_images
from course.network import TrainableNetwork
from course.spec import Spec
from course.training.loop import EVAL_BATCH

IMAGES = 64
ALONE = 8  # images that are also tried by themselves
BATCH_TOLERANCE = 1e-4  # outputs for an image alone and within a batch differ by rounding, about 1e-6
CHANGES = (0.1, 2.0)  # random ones of the parameters: a gate may start closed, and open only in training
LAST_BITS = 2.0**-22  # relative change of the parameters that tells which answers magnify rounding
ROUNDINGS = 8  # such changes: by chance one of them hardly shows


@dataclass(frozen=True)
class _Outputs:
    """Outputs in eval mode."""

    untrained: Tensor  # for unusual images, with the initial weights, (64, 10)
    repeated: list[tuple[Tensor, Tensor]]  # the same batch twice
    in_company: list[tuple[Tensor, Tensor]]  # the same images in two different batches
    changed_tensors: list[str]  # by these calls


def behaviour_problems(spec: Spec) -> list[str]:
    """A sentence for each thing that the network must not do in test mode."""
    outputs = _run(spec)
    if outputs.changed_tensors:
        return [f"Your network changes {outputs.changed_tensors[0]!r} in test mode. Only training may change it."]
    problems = []
    if not all(torch.allclose(once, again, rtol=0, atol=0, equal_nan=True) for once, again in outputs.repeated):
        problems.append(RANDOM_IN_TEST_MODE)
    elif mixed := dependence_problems(spec.network):
        problems += mixed
    elif difference := max(_difference(one, other) for one, other in outputs.in_company if len(one)):
        problems.append(
            "In test mode your network's answer for an image depends on the other images of its batch (by "
            f"{difference:.2g}). Batch norm must use its running statistics there."
        )
    sums = outputs.untrained.float().exp().sum(dim=1)
    if spec.loss == "nll" and not torch.allclose(sums, torch.ones(IMAGES), atol=1e-3):
        problems.append(
            f"The network's outputs are not log-probabilities: their exponentials add up to {sums[0].item():.3g} and "
            'not to 1. End forward with F.log_softmax(x, dim=1), or use Recipe(loss="cross_entropy").'
        )
    return problems


def _difference(one: Tensor, other: Tensor) -> float:
    """The largest difference of two outputs for the same images; 0.0 if it is rounding."""
    # rounding grows with the largest number of an output
    scale = BATCH_TOLERANCE * max(1.0, one.nan_to_num(0, 0, 0).abs().max().item())
    if torch.allclose(one, other, rtol=BATCH_TOLERANCE, atol=scale, equal_nan=True):
        return 0.0
    return (one - other).abs().nan_to_num(float("inf")).max().item()


@torch.no_grad()
def _run(spec: Spec) -> _Outputs:
    network = TrainableNetwork(spec.network, 0)
    generator = torch.Generator().manual_seed(0)
    unusual, usual = unusual_images(spec, IMAGES), digits(spec, EVAL_BATCH)
    untrained = network(unusual, training=False)
    repeated, in_company = [], []
    changed: set[str] = set()
    for change in CHANGES:
        for parameter in network.parameters.values():
            parameter += change * torch.randn(parameter.shape, generator=generator)
        before = network.state_dict()
        mixed = network(unusual, training=False)
        repeated.append((mixed, network(unusual, training=False)))
        # a recurrent network with large weights is chaotic: for its images `dependence` alone decides
        stable = _rows_without_magnified_rounding(network, unusual, mixed, generator)
        order = torch.randperm(IMAGES, generator=generator)
        in_company.append((mixed[order][stable[order]], network(unusual[order], training=False)[stable[order]]))
        in_parts = _in_parts(network, unusual, [1] * ALONE + [2] * ((IMAGES - ALONE) // 2))
        in_company.append((mixed[stable], in_parts[stable]))
        if change == CHANGES[0]:
            whole = network(usual, training=False)
            in_company.append((whole[:IMAGES], network(usual[:IMAGES], training=False)))
            in_company.append((whole[:ALONE], network(torch.cat([unusual, usual[:ALONE]]), training=False)[IMAGES:]))
        after = network.state_dict()
        changed.update(name for name in before if not torch.equal(before[name], after[name]))
    return _Outputs(untrained, repeated, in_company, sorted(changed))


def _rows_without_magnified_rounding(
    network: TrainableNetwork, images: Tensor, outputs: Tensor, generator: torch.Generator
) -> Tensor:
    """Which outputs hardly change, an eighth of what is tolerated, when the parameters change in their last bits."""
    before = {name: parameter.clone() for name, parameter in network.parameters.items()}
    scale = BATCH_TOLERANCE * outputs.nan_to_num(0, 0, 0).abs().amax(1, keepdim=True).clamp(min=1.0)
    stable = torch.ones(len(images), dtype=torch.bool)
    for _ in range(ROUNDINGS):
        for name, parameter in network.parameters.items():
            parameter.copy_(before[name] * (1 + LAST_BITS * torch.randn(parameter.shape, generator=generator)))
        changed = network(images, training=False)
        change = (changed - outputs).abs()
        stable &= ((change <= scale / 8) | (changed == outputs) | (changed.isnan() & outputs.isnan())).all(1)
    for name, parameter in network.parameters.items():
        parameter.copy_(before[name])
    return stable


def _in_parts(network: TrainableNetwork, images: Tensor, sizes: Sequence[int]) -> Tensor:
    return torch.cat([network(part, training=False) for part in images.split(list(sizes))])
