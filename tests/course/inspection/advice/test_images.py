"""Remarks on transforms: each is made where it is true, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.capture import capture
from course.inspection.advice.images import MAX_TURN, advice_on_images
from tests.support.networks import recipe

USUAL = v1.Normalize((0.1307,), (0.3081,))
END = [v1.ToTensor(), USUAL]


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def remarks_on(train, test=None) -> list[str]:
    options = {"train_transform": v1.Compose(train)} | ({"test_transform": v1.Compose(test)} if test else {})
    return [advice.text for _, advice in advice_on_images(capture(recipe(linear, loss="cross_entropy", **options)))]


REMARKED = {  # the training transforms, those of the test, a part of the only remark
    "train_not_normalised": ([v1.ToTensor()], None, "Training images are normalised by nothing, test images by mean"),
    "normalised_differently": ([v1.ToTensor(), v1.Normalize(0.5, 0.5)], None, "by mean 0.5 and deviation 0.5, test im"),
    "test_not_normalised": (END, [v1.ToTensor()], "deviation 0.3081, test images by nothing"),
    "nothing_normalised": ([v1.ToTensor()], [v1.ToTensor()], "The images are not normalised"),
    "fill_meant_as_white": ([v1.RandomRotation(7, fill=1), *END], None, "fill=1 of RandomRotation is nearly black"),
    "white_fill_of_bytes": ([v1.RandomAffine(7, fill=255), *END], None, "fill=255 of RandomAffine is bright"),
    "white_fill_of_floats": (
        [v1.ToTensor(), v1.Pad(2, fill=1), v1.CenterCrop(28), USUAL],
        None,
        "fill=1 of Pad is bright",
    ),
    "black_that_is_grey": ([*END, v1.RandomRotation(7)], None, "RandomRotation fills with 0, a grey"),
    "hue_of_grey": ([v1.ColorJitter(0.1, 0.1, 0.1, 0.1), *END], None, "neither hue nor saturation"),
    "mirrored": ([v1.RandomHorizontalFlip(), *END], None, "RandomHorizontalFlip makes digits that nobody writes"),
    "upside_down": ([v1.RandomApply([v1.RandomVerticalFlip()]), *END], None, "RandomVerticalFlip makes digits"),
    "turned_around": ([v1.RandomRotation(180), *END], None, "RandomRotation turns by up to 180 degrees"),
    "turned_far": ([v1.RandomAffine((0, 90)), *END], None, "RandomAffine turns by up to 90 degrees"),
}


@pytest.mark.parametrize("case", REMARKED)
def test_a_fault_gets_one_remark(case):
    train, test, words = REMARKED[case]
    (text,) = remarks_on(train, test)
    assert words in text


FAULTLESS = {
    "usual": (END, None),
    "of_v2": ([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), USUAL], None),
    "other_numbers_in_both": ([v1.ToTensor(), v1.Normalize(0.5, 0.5)], [v1.ToTensor(), v1.Normalize(0.5, 0.5)]),
    "moved_before": ([v1.RandomAffine(10, translate=(0.1, 0.1)), *END], None),
    "dark_fill_after_normalising": ([*END, v1.RandomRotation(7, fill=-0.4242)], None),
    "fill_of_floats": ([v1.ToTensor(), v1.RandomRotation(7), USUAL], None),
    "contrast_alone": ([v1.ColorJitter(0.1, 0.1), *END], None),
    "a_flip_that_never_happens": ([v1.RandomHorizontalFlip(p=0), *END], None),
    "a_large_turn": ([v1.RandomRotation(MAX_TURN), *END], None),
}


@pytest.mark.parametrize("case", FAULTLESS)
def test_without_a_fault_there_is_no_remark(case):
    assert remarks_on(*FAULTLESS[case]) == []


def test_each_remark_names_its_transform_so_that_its_line_is_found():
    spec = capture(recipe(linear, loss="cross_entropy", train_transform=v1.Compose([v1.RandomRotation(180), *END])))
    assert [name for name, _ in advice_on_images(spec)] == ["RandomRotation"]
