"""IDX files: what is encoded is decoded again, and the header is the published format's."""

import numpy as np
import pytest
import torch

from course.data import idx
from tests.support.tiny_mnist import TINY


def test_the_header_gives_the_shape_and_the_bytes_are_the_values():
    labels = idx.decode(TINY["train-labels-idx1-ubyte"])
    assert labels.tolist() == [5, 0] and labels.dtype == torch.uint8
    images = idx.decode(TINY["train-images-idx3-ubyte"])
    assert images.shape == (2, 28, 28)
    assert images.flatten().tolist() == list(range(196)) * 8


def test_a_decoded_tensor_can_be_written_to_without_changing_the_file():
    content = bytes(TINY["train-labels-idx1-ubyte"])
    idx.decode(content)[0] = 9
    assert content == TINY["train-labels-idx1-ubyte"]


@pytest.mark.parametrize("name", TINY)
def test_encoding_gives_the_published_bytes_again(name):
    values = idx.decode(TINY[name]).numpy()
    assert idx.encode([values[:1], values[1:]], values.shape[1:]) == TINY[name]


def test_arrays_of_any_type_are_joined_and_stored_as_bytes():
    content = idx.encode([np.array([1.0, 2.0], dtype=np.float32), np.array([255])])
    assert content == bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 255])
