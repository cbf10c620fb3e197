"""What the training loop reports: after each step, and after each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who only reads results does not wait for PyTorch
    from torch import Tensor


@dataclass(frozen=True)
class TrainingStep:
    """Passed to `on_step`: step `step` of `steps` in epoch `epoch` is done; both count from 1.

    `images` is the number of images seen in this epoch. `losses`, (steps,), and `correct_so_far`, (), stay on the
    device: reading `loss` (of this step) or `correct` (in this epoch so far) waits for it.
    """

    epoch: int
    step: int
    steps: int
    images: int
    losses: Tensor
    correct_so_far: Tensor

    def wait(self) -> None:
        """Wait until the device has computed the step: its work is only queued when `on_step` is called."""
        self.correct_so_far.item()

    @property
    def loss(self) -> float:
        return self.losses[self.step - 1].item()

    @property
    def correct(self) -> int:
        return int(self.correct_so_far)


@dataclass(frozen=True)
class EpochResult:
    """One finished epoch, counted from 1. `learning_rate` is that of its last step; losses are means over images."""

    epoch: int
    learning_rate: float
    train_loss: float
    train_correct: int
    train_total: int
    test_loss: float
    correct: int
    test_total: int

    @property
    def train_accuracy(self) -> float:
        return self.train_correct / self.train_total

    @property
    def accuracy(self) -> float:
        return self.correct / self.test_total
