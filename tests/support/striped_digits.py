"""Images that stand for MNIST where nothing is downloaded, and the smallest recipe that learns them."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from course import Recipe, data


class LinearNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.fc(x.flatten(1)), dim=1)


LINEAR_RECIPE = Recipe(model=LinearNet, optimizer=partial(SGD, lr=0.05, momentum=0.9))


def striped_digits(train: int, test: int) -> data.MNIST:
    """Noise with one bright row, whose place is the label; the test images are the first `test` training images."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 60, (train, 28, 28), generator=generator, dtype=torch.uint8)
    labels = torch.arange(train) % 10
    images[torch.arange(train), 2 * labels] = 220
    return data.MNIST(train=data.Digits(images, labels), test=data.Digits(images[:test], labels[:test]))
