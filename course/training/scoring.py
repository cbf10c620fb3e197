"""Network outputs and labels -> a score. The process that holds the labels does this; the training loop asks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from course.kernels import portable_math

MAX_WRONG = 200  # misclassified images that a score names; a good network has fewer of 10,000
MAX_LOSS = 1e6  # guessing costs 2.3; after one far too large step a network can stay at a finite loss of 1e29
LOSSES = {"nll": functional.nll_loss, "cross_entropy": functional.cross_entropy}


def training_loss(name: str, label_smoothing: float) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss `name`, a key of `LOSSES`, of outputs (N, 10) for labels (N,), int64, that are smoothed as by PyTorch.

    A share `label_smoothing` of each label is spread evenly over all classes, its own included. The ten numbers of an
    image are added in their order, so every processor comes to the same sum.
    """
    if not label_smoothing:
        return LOSSES[name]

    def smoothed(outputs: Tensor, labels: Tensor) -> Tensor:
        log_probabilities = outputs if name == "nll" else functional.log_softmax(outputs, dim=1)
        means = reduce(torch.add, log_probabilities.unbind(1)) / outputs.shape[1]
        mixed = (1 - label_smoothing) * log_probabilities + label_smoothing * means[:, None]
        return functional.nll_loss(mixed, labels)

    return smoothed


@dataclass(frozen=True)
class Score:
    """`loss` is the mean over all images; `correct` counts the images whose highest output is at the label.

    `wrong` lists the first `MAX_WRONG` misclassified images: (index of the image, predicted class).
    """

    loss: float
    correct: int
    wrong: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Scorer:
    """Scores outputs (N, 10), float32 on the CPU, against `labels`, int64 (N,). `loss` is a key of `LOSSES`.

    An image with a NaN among its outputs never counts as correct. The loss is finite for any outputs: an image whose
    own loss is not counts `MAX_LOSS`.
    """

    labels: Tensor
    loss: str

    def __call__(self, outputs: Tensor) -> Score:
        """Raises ValueError when the outputs do not have the shape (N, 10)."""
        if outputs.shape != (len(self.labels), 10):
            raise ValueError(f"outputs have the shape {tuple(outputs.shape)}, not ({len(self.labels)}, 10)")
        predicted = outputs.argmax(dim=1)
        correct = (predicted == self.labels) & ~outputs.isnan().any(dim=1)
        wrong = (~correct).nonzero().flatten()[:MAX_WRONG]
        pairs = zip(wrong.tolist(), predicted[wrong].tolist(), strict=True)
        loss = mean_loss(self.loss, outputs, self.labels)
        return Score(loss=loss, correct=int(correct.sum()), wrong=tuple(pairs))


def mean_loss(name: str, outputs: Tensor, labels: Tensor) -> float:
    """The mean loss `name` over all images, the same on every processor.

    It is finite for any outputs (N, 10): an image whose own loss is not counts `MAX_LOSS`.
    """
    outputs = outputs.double()
    if name == "cross_entropy":
        outputs = portable_math.log_softmax(outputs)
    losses = -outputs.gather(1, labels[:, None]).squeeze(1)
    return portable_math.mean(torch.where(losses.isfinite(), losses, MAX_LOSS))


def has_answer(outputs: Tensor) -> Tensor:
    """Whether the outputs (N, 10) for each image tell one class from the others, (N,) bool.

    An output of minus infinity does: it is the logarithm of a probability of 0.
    """
    return ~(outputs.isnan() | (outputs == torch.inf)).any(dim=1) & (outputs > -torch.inf).any(dim=1)
