"""Transforms as text, and which of them draw random numbers."""

from torchvision import transforms as v1
from torchvision.transforms import v2

from course.transforms import capture_transforms, describe, is_random


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
