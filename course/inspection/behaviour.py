"""What the network does in test mode, found by running it: each image by itself, nothing random, no state changed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course.network import TrainableNetwork
from course.spec import Spec

IMAGES = 64
BATCH_TOLERANCE = 1e-4  # outputs for an image alone and within a batch differ by rounding, about 1e-6
_RANDOM_OPERATORS = frozenset("bernoulli bernoulli_ rand rand_like randn randn_like normal_ uniform_".split())


@dataclass(frozen=True)
class _Outputs:
    """Outputs in eval mode for the same images, (64, 10) each."""

    untrained: Tensor
    together: Tensor  # after a random change of the parameters, as one batch
    in_pairs: Tensor
    together_again: Tensor
    changed_tensors: list[str]  # by these calls


def behaviour_problems(spec: Spec) -> list[str]:
    """A sentence for each thing that the network must not do in test mode."""
    outputs = _run(spec)
    if outputs.changed_tensors:
        return [f"Your network changes {outputs.changed_tensors[0]!r} in test mode. Only training may change it."]
    problems = []
    if any(node.operator in _RANDOM_OPERATORS for node in spec.network.eval.nodes) or not torch.allclose(
        outputs.together, outputs.together_again, rtol=0, atol=0, equal_nan=True
    ):
        problems.append(
            "Your network draws random numbers in test mode. Use nn.Dropout or F.dropout(x, training=self.training), "
            "which do nothing there."
        )
    elif not torch.allclose(
        outputs.together, outputs.in_pairs, rtol=BATCH_TOLERANCE, atol=BATCH_TOLERANCE, equal_nan=True
    ):
        difference = (outputs.together - outputs.in_pairs).abs().max().item()
        problems.append(
            "In test mode your network's answer for an image depends on the other images of its batch (by "
            f"{difference:.2g}). Batch norm must use its running statistics there."
        )
    sums = outputs.untrained.exp().sum(dim=1)
    if spec.loss == "nll" and not torch.allclose(sums, torch.ones(IMAGES), atol=1e-3):
        problems.append(
            f"The network's outputs are not log-probabilities: their exponentials add up to {sums[0].item():.3g} and "
            'not to 1. End forward with F.log_softmax(x, dim=1), or use Recipe(loss="cross_entropy").'
        )
    return problems


@torch.no_grad()
def _run(spec: Spec) -> _Outputs:
    network = TrainableNetwork(spec.network, 0)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(IMAGES, 1, 28, 28, generator=generator)
    untrained = network(images, training=False)
    for parameter in network.parameters.values():  # a gate may start closed, and open only in training
        parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    before = network.state_dict()
    together = network(images, training=False)
    in_pairs = torch.cat([network(pair, training=False) for pair in images.split(2)])
    together_again = network(images, training=False)
    after = network.state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    return _Outputs(untrained, together, in_pairs, together_again, changed)
