"""Transforms as text, and which of them draw random numbers."""

import pytest
import torch
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.transforms import build, capture_transforms, describe, is_random


def test_only_drawing_transforms_count_as_random_also_inside_others():
    assert not is_random(capture_transforms([v1.Resize(28), v1.ToTensor(), v1.Normalize(0.1, 0.3)]))
    assert is_random(capture_transforms([v1.ToTensor(), v1.RandomErasing()]))
    inside = v1.RandomApply([v1.CenterCrop(28)])
    assert is_random(capture_transforms([inside, v1.ToTensor()]))


def test_a_description_reads_like_the_constructor_without_what_is_default():
    pipeline = [
        v1.RandomRotation(7),
        v1.RandomApply([v1.RandomAffine(0, translate=(0.1, 0.1))], p=0.25),
        v1.ToTensor(),
        v1.Normalize((0.1307,), (0.3081,)),
    ]
    assert describe(capture_transforms(pipeline)) == (
        "RandomRotation(±7°), RandomApply(RandomAffine(0°, translate=0.1), p=0.25), ToTensor, Normalize(0.1307, 0.3081)"
    )
    assert describe(()) == "no transforms"


def test_values_are_written_as_people_write_them():
    pipeline = [
        v1.RandomAffine((-3, 9), shear=(-4, 4, -2, 2), fill=3),
        v2.GaussianBlur(3, sigma=(0.1, 1.0)),
        v1.RandomInvert(p=1),
        v1.AutoAugment(v1.AutoAugmentPolicy.SVHN),
        v1.ToTensor(),
    ]
    assert describe(capture_transforms(pipeline)) == (
        "RandomAffine((-3°, 9°), shear=(-4°, 4°, -2°, 2°), fill=3), GaussianBlur(3, sigma=(0.1, 1)), "
        "RandomInvert(p=1), AutoAugment(policy=svhn), ToTensor"
    )


POINTS = [
    v1.GaussianBlur(3, 1.0),
    v1.GaussianBlur(3, (0.5, 0.5)),
    v2.GaussianBlur(3, 1.0),
    v1.RandomApply([v1.CenterCrop(28)], p=1.0),
    v1.RandomApply([v1.CenterCrop(28)], p=0),
    v1.RandomHorizontalFlip(p=1.0),
    v1.RandomInvert(p=1),
    v1.RandomRotation((10, 10)),
    v1.RandomAffine((5, 5), scale=(1.1, 1.1), shear=(3, 3)),
    v1.RandomAdjustSharpness(2, p=1),
]
INTERVALS = [
    v1.GaussianBlur(3, (0.5, 0.6)),
    v1.RandomApply([v1.CenterCrop(28)], p=0.99),
    v1.RandomApply([v1.RandomRotation(5)], p=1.0),
    v1.RandomRotation((10, 10.5)),
    v1.RandomAffine((5, 5), translate=(0.1, 0.1)),
    v1.RandomAffine((5, 5), shear=(3, 4)),
    v1.RandomAffine((5, 5), shear=(3, 3, 1, 2)),
    v1.RandomErasing(p=1),
    v1.RandomCrop(28, padding=2),
    v1.RandomPerspective(p=1),
]


@pytest.mark.parametrize("transform", POINTS, ids=str)
def test_a_probability_of_one_and_an_interval_of_one_point_leave_nothing_to_chance(transform):
    specs = capture_transforms([transform, v1.ToTensor()])
    assert not is_random(specs)
    pipeline, images = build(specs, torch.device("cpu")), torch.arange(2 * 28 * 28).reshape(2, 28, 28).to(torch.uint8)
    torch.manual_seed(1)
    once = pipeline(images)
    torch.manual_seed(2)
    assert torch.equal(once, pipeline(images))


@pytest.mark.parametrize("transform", INTERVALS, ids=str)
def test_anything_else_that_draws_is_random(transform):
    tensor_only = isinstance(transform, v1.RandomErasing)
    order = [v1.ToTensor(), transform] if tensor_only else [transform, v1.ToTensor()]
    assert is_random(capture_transforms(order))
