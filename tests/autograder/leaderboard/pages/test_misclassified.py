"""Misclassified digits as pictures."""

import base64
import io

import numpy as np
from PIL import Image

from autograder.leaderboard.pages.misclassified import MAX_IMAGES, misclassified_images
from course import data


def test_a_picture_is_the_test_image_with_its_label():
    test = data.load().test
    (image,) = misclassified_images([(17, 3)])
    assert (image.number, image.label, image.predicted) == (17, int(test.labels[17]), 3)
    png = base64.b64decode(image.picture.removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), test.images[17].numpy())


def test_so_many_are_shown_and_none_needs_no_digits():
    assert len(misclassified_images([(number, 0) for number in range(MAX_IMAGES + 1)])) == MAX_IMAGES
    assert misclassified_images([]) == []
