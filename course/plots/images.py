"""Digits as they are, as a transform leaves them, and as dropout leaves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course import data, transforms
from course.errors import UsageError
from course.notebook.validation import whole_number
from course.plots.canvas import COLUMNS, GREY, gallery, new_grid
from course.recipe import MNIST_MEAN, MNIST_STD, TRAIN_IMAGES, default_transform

BLACK, WHITE = (0 - MNIST_MEAN) / MNIST_STD, (1 - MNIST_MEAN) / MNIST_STD  # -0.4242 and 2.8215
MASKS = 5  # drawn for each dropout rate


def digits(dataset: data.Digits, count: int = 20) -> Figure:
    """The first `count` digits with their labels. Raises UsageError."""
    count = whole_number("digits(count=...)", count, 1, TRAIN_IMAGES)
    _require_digits("digits()", dataset)
    labels = [str(label) for label in dataset.labels[:count].tolist()]
    return gallery(dataset.images[:count], labels, f"The first {len(labels)} of {len(dataset.labels):,} digits")


def augmentations(transform: Any, dataset: data.Digits, rows: int = 3, seed: int = 1) -> Figure:
    """The first `rows` digits, each followed by nine random results of the train_transform.

    They are the images that the network is trained on, from black (the normalised 0) to white (the normalised 255): a
    grey corner was filled with a value between. Raises RecipeError for a transform that a recipe cannot have, and
    UsageError.
    """
    rows = whole_number("augmentations(rows=...)", rows, 1, TRAIN_IMAGES)
    _require_digits("augmentations()", dataset)
    specs = transforms.capture_transforms(transform)
    images, draws = dataset.images[:rows], COLUMNS - 1
    originals = transforms.build(transforms.capture_transforms(default_transform()), "cpu")(images)
    copies = images.repeat_interleave(draws, dim=0)
    augmented = transforms.build(specs, "cpu")(copies, torch.Generator().manual_seed(seed))
    grid = torch.cat((originals.unsqueeze(1), augmented.unflatten(0, (-1, draws))), dim=1)  # (rows, COLUMNS, 1, H, W)
    labels = [text for label in dataset.labels[:rows].tolist() for text in (f"{label}, as it is", *[""] * draws)]
    title = transforms.describe(specs)
    return gallery(grid.flatten(0, 2), labels, title, black=BLACK, white=WHITE)


def masks(image: Tensor, rates: Sequence[float], dropout: Callable[[Tensor, float, bool], Tensor]) -> Figure:
    """One digit (28, 28) uint8 after `dropout(x, p, training)`: a row for each rate p, with five masks in each.

    Raises UsageError if there is no rate.
    """
    if not len(rates):
        raise UsageError("masks() has nothing to draw: give at least one dropout rate, such as [0.1, 0.5].")
    x = image.float() / 255
    figure, grid = new_grid(len(rates), MASKS + 1, width=7, height=1.5 * len(rates) + 0.5)
    for row, p in zip(grid, rates, strict=True):
        images = [x, *(dropout(x, p, True) for _ in range(MASKS))]
        for axes, dropped in zip(row, images, strict=True):
            axes.set_axis_off()
            axes.imshow(dropped.detach().numpy(), cmap="gray", vmin=0, vmax=2)
        row[0].set_title(f"p = {p}", fontsize=9)
    figure.suptitle("The digit, and five draws of dropout. What is kept is brighter: it was scaled up", color=GREY)
    return figure


def _require_digits(function: str, dataset: data.Digits) -> None:
    if not len(dataset.images):
        raise UsageError(f"{function} has nothing to draw: the data hold no digit.")
