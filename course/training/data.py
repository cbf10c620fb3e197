"""The images and labels that the training loop may see."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainingData:
    """Training images with labels, and test images without. Images are uint8 (N, 28, 28), labels int64 (N,)."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor

    def to(self, device: torch.device) -> TrainingData:
        return TrainingData(*(t.to(device) for t in (self.train_images, self.train_labels, self.test_images)))

    def subset(self, train: int, test: int) -> TrainingData:
        """The first `train` training images and the first `test` test images, for short trial runs."""
        return TrainingData(self.train_images[:train], self.train_labels[:train], self.test_images[:test])
