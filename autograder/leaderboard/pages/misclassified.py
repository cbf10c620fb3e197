"""The test images that a run misclassified in its last epoch, as pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from course.data import Digits

MAX_IMAGES = 60  # that are shown


@dataclass(frozen=True)
class MisclassifiedImage:
    """`number` is the image's in the test set, `picture` a data URL."""

    number: int
    label: int
    predicted: int
    picture: str


def misclassified_images(predictions: Sequence[tuple[int, int]]) -> list[MisclassifiedImage]:
    """The first of the (image, predicted digit) pairs.

    Raises DataError if MNIST is not on this machine: a page does not wait for a download.
    """
    if not predictions:
        return []
    test = _test_set()
    return [
        MisclassifiedImage(number, int(test.labels[number]), predicted, _data_url(test.images[number].numpy()))
        for number, predicted in predictions[:MAX_IMAGES]
    ]


@cache
def _test_set() -> Digits:
    from course import data

    return data.load(download=False).test


def _data_url(pixels: npt.NDArray[np.uint8]) -> str:
    """A PNG of (28, 28) grey values."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
