"""The runs in which tables are told from images: a few batches and sets of parameters.

A value that is the same for different images is a table; so is one that images change by less than `STEADY` of the
spread between its elements. The image is then no more than noise on it, and its digits hold numbers all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course import spec
from course.network import Program, batch_norm_statistics, initial_tensors

STEADY = 0.02  # of the standard deviation between elements; with 0.05 one of 287 honest recipes counts too much
WHOLE_TOLERANCE = 1e-3  # relative difference of what different images give where a table is still used
# The runs: two of images like digits; two of noise; the digits once more with other parameters; the first digits with
# others again; the first run with noise added to all results; and the first digits with the initial parameters.
DIGITS, NOISE_IMAGES, OTHER_PARAMETERS = (0, 1), (2, 3), (4, 5)  # equal but for the images
PARAMETERS, NOISY = (0, 4, 6, 8), 7  # equal but for the parameters
_CPU = torch.device("cpu")


def trial_runs(network: spec.Network, digits: Tensor, generator: torch.Generator) -> list[list[Any]]:
    """The values that each run starts from: its images (2, 1, 28, 28) and its tensors."""
    start = [tensor.detach() for tensor in initial_tensors(network, 1)]
    for index in (*batch_norm_statistics(network), *_filled_in_training(network, digits[:4], start)):
        start[index] = torch.rand(start[index].shape, generator=generator).to(start[index].dtype) + 0.5
    learned = [
        index
        for index, tensor in enumerate(network.tensors)
        if tensor.kind == "parameter" and start[index].is_floating_point()
    ]
    parameters = []
    for scale in (0.5, 3.0, 30.0):  # wide, because a gate may open only when a parameter has grown
        tensors = list(start)
        for index in learned:
            shape = start[index].shape
            factor = 0.5 + 0.5 * torch.rand(shape, generator=generator)
            value = start[index] * factor + scale * torch.randn(shape, generator=generator)
            tensors[index] = value.to(start[index].dtype)
        parameters.append(tensors)
    images = [digits[:2], digits[2:4], _noise(digits, generator), _noise(digits, generator)]
    first, second, third = parameters
    chosen = [(image, first) for image in images]
    chosen += [(images[0], second), (images[1], second), (images[0], third), (images[0], first)]
    chosen += [(images[0], start)]  # a gate may be open there alone
    return [[image.clone(), *(tensor.clone() for tensor in tensors)] for image, tensors in chosen]


def steady_elements(results: Sequence[Tensor]) -> Tensor:
    """Of one value in several runs: whether each element is the same, or nearly so beside the others.

    bool, of the shape of the first result; nothing is steady where the shapes differ.
    """
    first = results[0]
    if any(result.shape != first.shape for result in results):
        return torch.zeros(first.shape, dtype=torch.bool)
    values = torch.stack([result.double() for result in results])
    change = values.amax(0) - values.amin(0)
    allowed = WHOLE_TOLERANCE * values[0].abs() + 1e-9
    if first.is_floating_point() and first.numel() > 1:
        allowed = torch.maximum(allowed, STEADY * values.flatten(1).std(1).amin())
    # an infinite allowance, or NaN in one run alone, says nothing
    same = (values == values[0]).all(0) | values.isnan().all(0)
    return same | ((change <= allowed) & allowed.isfinite())


def _noise(digits: Tensor, generator: torch.Generator) -> Tensor:
    """Two images of noise with the same darkest and brightest value as digits."""
    darkest, brightest = float(digits.min()), float(digits.max())
    noise = torch.rand((2, 784), generator=generator)
    extremes = noise.argsort(1)[:, [0, -1]]
    images = darkest + (brightest - darkest) * noise
    return images.scatter(1, extremes, torch.tensor([[darkest, brightest]] * 2)).view(2, 1, 28, 28)


def _filled_in_training(network: spec.Network, images: Tensor, tensors: list[Tensor]) -> list[int]:
    """The buffers of floats that a step of training writes into; what they start from says nothing about them."""
    program = Program(network.train.nodes, len(tensors), network.train.output.node)
    after = [tensor.clone() for tensor in tensors]
    with torch.random.fork_rng(devices=[]):
        program.run(images.clone(), after, _CPU)
    changed = [not torch.equal(old, new) for old, new in zip(tensors, after, strict=True)]
    return [index for index, old in enumerate(tensors) if changed[index] and old.is_floating_point()]
