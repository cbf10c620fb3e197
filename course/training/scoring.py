"""Outputs and labels -> a score. Whoever holds the labels calls this; the training loop only asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

MOST_WRONG = 200  # a network that is any good gets fewer of 10,000 wrong
LOSSES = {"nll": functional.nll_loss, "cross_entropy": functional.cross_entropy}


@dataclass(frozen=True)
class Score:
    """`loss` is the mean over all images, `correct` counts those whose highest output is the label.

    `wrong` names the first `MOST_WRONG` others: (number of the image, class with the highest output).
    """

    loss: float
    correct: int
    wrong: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Scorer:
    """`labels` are int64 (N,); called with outputs (N, 10) float32 on the CPU.

    An image with an output that is not a number is never correct; the loss is finite whatever the outputs are.
    """

    labels: Tensor
    loss: str

    def __call__(self, outputs: Tensor) -> Score:
        if outputs.shape != (len(self.labels), 10):
            raise ValueError(f"outputs have the shape {tuple(outputs.shape)}, not ({len(self.labels)}, 10)")
        said = outputs.argmax(dim=1)
        correct = (said == self.labels) & ~outputs.isnan().any(dim=1)
        wrong = (~correct).nonzero().flatten()[:MOST_WRONG]
        loss = LOSSES[self.loss](outputs.double().nan_to_num(), self.labels)
        pairs = zip(wrong.tolist(), said[wrong].tolist(), strict=True)
        return Score(loss=loss.item(), correct=int(correct.sum()), wrong=tuple(pairs))
