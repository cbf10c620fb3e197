"""The test images that a run misclassified in its last epoch, as pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from course.data import MNIST, DataSet, Digits

MAX_IMAGES = 60  # that are shown


@dataclass(frozen=True)
class MisclassifiedImage:
    """`number` is the image's in the test set, `picture` a data URL."""

    number: int
    label: int
    predicted: int
    picture: str


def misclassified_images(predictions: Sequence[tuple[int, int]], data_set: DataSet = MNIST) -> list[MisclassifiedImage]:
    """The first of the (image, predicted digit) pairs.

    Raises DataError if the data set is not on this machine: a page does not wait for a download.
    """
    if not predictions:
        return []
    test = _test_set(data_set, data_set.key)
    return [
        MisclassifiedImage(number, int(test.labels[number]), predicted, _data_url(test.images[number].numpy()))
        for number, predicted in predictions[:MAX_IMAGES]
    ]


@cache
def _test_set(data_set: DataSet, key: str) -> Digits:
    """`key` is the data set's, so that other files in the same folder are read anew."""
    files = data_set.files(download=False)
    return Digits(files.images("test"), files.labels("test"))


def _data_url(pixels: npt.NDArray[np.uint8]) -> str:
    """A PNG of (28, 28) grey values."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
