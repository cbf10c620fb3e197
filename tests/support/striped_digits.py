"""Images that stand for MNIST where nothing is downloaded, and the smallest recipe that learns them."""

import hashlib
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from course import Recipe, data
from course.data import idx
from course.data.data_files import CHECKSUMS


class LinearNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.fc(x.flatten(1)), dim=1)


LINEAR_RECIPE = Recipe(model=LinearNet, optimizer=partial(SGD, lr=0.05, momentum=0.9))


def striped_digits(train: int, test: int) -> data.Splits:
    """Noise with one bright row, whose place is the label; the test images are the first `test` training images."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 60, (train, 28, 28), generator=generator, dtype=torch.uint8)
    labels = torch.arange(train) % 10
    images[torch.arange(train), 2 * labels] = 220
    return data.Splits(train=data.Digits(images, labels), test=data.Digits(images[:test], labels[:test]))


def write_data_set(folder: Path, digits: data.Splits, **changed: bytes | None) -> Path:
    """Write a data set of a course's own, with its checksums. `changed` are other contents, None for a missing file.

    The names are those of `data.FILES` with "_" for "-".
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {}
    for prefix, split in (("train", digits.train), ("t10k", digits.test)):
        contents[f"{prefix}-images-idx3-ubyte"] = idx.encode([split.images.numpy()], (28, 28))
        contents[f"{prefix}-labels-idx1-ubyte"] = idx.encode([split.labels.numpy()])
    contents |= {name.replace("_", "-"): content for name, content in changed.items()}
    lines = []
    for name, content in contents.items():
        if content is not None:
            (folder / name).write_bytes(content)
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (folder / CHECKSUMS).write_text("".join(lines))
    return folder
