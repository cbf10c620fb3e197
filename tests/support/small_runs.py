"""Small training data that a small network learns in seconds, and its specs with several optimizers and schedules."""

from __future__ import annotations

from functools import cache, partial

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR
from torchvision.transforms import Compose, Normalize, RandomAffine, RandomErasing, ToTensor

from course.capture import capture
from course.recipe import watching
from course.spec import Spec
from course.training.data import TrainingData
from tests.support.networks import recipe

CPU = torch.device("cpu")
EPOCHS, BATCH_SIZE = 4, 48
AUGMENTED = Compose(
    [
        RandomAffine(8, translate=(0.1, 0.1), scale=(0.9, 1.1)),
        ToTensor(),
        Normalize((0.1307,), (0.3081,)),
        RandomErasing(p=0.5),
    ]
)


def digits(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with a bright bar whose position is the label, under noise; and the labels."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 60, (count, 28, 28), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (count,), generator=generator)
    for image, label in zip(images, labels, strict=True):
        image[4:24, 2 * label + 3 : 2 * label + 6] = 220
    return images, labels


TRAIN, TEST = digits(200, 1), digits(60, 2)
DATA = TrainingData(*TRAIN, TEST[0])


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        # without a bias: before a batch norm its gradient is only rounding errors, which Adam amplifies
        self.conv = nn.Conv2d(1, 4, 5, stride=3, bias=False)
        self.norm, self.fc = nn.BatchNorm2d(4), nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return F.log_softmax(self.fc(F.dropout(x.flatten(1), 0.1, self.training)), dim=1)


MOMENTUM = partial(SGD, lr=0.05, momentum=0.9)
KINDS = {
    "momentum": {"optimizer": MOMENTUM, "train_transform": AUGMENTED},
    "adam": {"optimizer": partial(Adam, lr=0.01), "train_transform": AUGMENTED},
    "step_by_epoch": {"optimizer": MOMENTUM, "scheduler": partial(StepLR, step_size=1, gamma=0.5)},
    "one_cycle": {
        "optimizer": partial(Adam, lr=0.01),
        "scheduler": partial(OneCycleLR, max_lr=0.05, total_steps=5000, pct_start=0.001),
    },
    "averaged": {
        "optimizer": MOMENTUM,
        "label_smoothing": 0.2,
        "clip_norm": 0.5,
        "average": "ema",
        "average_decay": 0.7,
    },
    "plateau": {
        "optimizer": MOMENTUM,
        "scheduler": watching("validation_loss", partial(ReduceLROnPlateau, patience=0, threshold=0.99)),
    },
}


@cache
def spec_of(kind: str) -> Spec:
    return capture(recipe(Small, epochs=EPOCHS, batch_size=BATCH_SIZE, **KINDS[kind]))
