"""Digits as they are, and as a transform leaves them."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.figure import Figure

from course import data, transforms
from course.plots.canvas import COLUMNS, gallery
from course.recipe import MNIST_MEAN, MNIST_STD, default_transform

BLACK, WHITE = (0 - MNIST_MEAN) / MNIST_STD, (1 - MNIST_MEAN) / MNIST_STD  # -0.4242 and 2.8215


def digits(some: data.Digits, count: int = 20) -> Figure:
    """The first `count` digits with their labels."""
    labels = [str(label) for label in some.labels[:count].tolist()]
    return gallery(some.images[:count], labels, f"The first {len(labels)} of {len(some.labels):,} digits")


def augmentations(transform: Any, some: data.Digits, rows: int = 3, seed: int = 1) -> Figure:
    """The first `rows` digits, each followed by what the train_transform makes of it in nine draws.

    They are what the network gets in training, from black (the normalised 0) to white (the normalised 255): a grey
    corner is a value between. Raises RecipeError for a transform that a recipe cannot have.
    """
    taken = transforms.capture_transforms(transform)
    images, draws = some.images[:rows], COLUMNS - 1
    plain = transforms.build(transforms.capture_transforms(default_transform()), "cpu")(images)
    many = images.repeat_interleave(draws, dim=0)
    drawn = transforms.build(taken, "cpu")(many, torch.Generator().manual_seed(seed))
    shown = torch.cat((plain.unsqueeze(1), drawn.unflatten(0, (-1, draws))), dim=1)  # (rows, COLUMNS, 1, H, W)
    labels = [text for label in some.labels[:rows].tolist() for text in (f"{label}, as it is", *[""] * draws)]
    title = transforms.describe(taken)
    return gallery(shown.flatten(0, 2), labels, title, black=BLACK, white=WHITE)
