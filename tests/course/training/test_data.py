"""What the training loop may see."""

import torch

from tests.support.small_runs import DATA, TEST, TRAIN


def test_a_subset_is_the_first_images_of_each_set_with_their_labels():
    subset = DATA.subset(96, 10)
    assert torch.equal(subset.train_images, TRAIN[0][:96]) and torch.equal(subset.train_labels, TRAIN[1][:96])
    assert torch.equal(subset.test_images, TEST[0][:10])


def test_all_tensors_move_to_the_device():
    moved = DATA.to(torch.device("meta"))
    assert moved.train_images.is_meta and moved.train_labels.is_meta and moved.test_images.is_meta
