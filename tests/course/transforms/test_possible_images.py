"""Whatever is drawn, the kind of image that comes out was found beforehand."""

import numpy as np
import PIL.Image
import pytest
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.errors import RecipeError
from course.transforms import capture_transforms
from course.transforms.possible_images import MAX_ORDERED, describe_image, image_format, possible_images

IMAGE = PIL.Image.fromarray(np.zeros((28, 28), dtype=np.uint8))


def sizes(*transforms) -> set[int]:
    """Heights of all images that may come out."""
    return {image_format(image).shape[1] for image in possible_images(capture_transforms(list(transforms)), IMAGE)}


@pytest.mark.parametrize(
    ("transforms", "expected"),
    [
        ([v1.RandomRotation(5)], {28}),
        ([v1.RandomApply([v1.CenterCrop(20)], p=0.01), v1.RandomApply([v1.Pad(1)], p=0.01)], {20, 22, 28, 30}),
        ([v1.RandomApply([v1.CenterCrop(20)], p=1)], {20}),
        ([v1.RandomChoice([v1.CenterCrop(20), v1.Resize(24), v1.Pad(9)], p=[1, 1, 0])], {20, 24}),
        ([v1.RandomOrder([v1.CenterCrop(20), v1.Resize(24)])], {20, 24}),
        ([v1.RandomOrder([v1.RandomRotation(5), v1.RandomInvert()])], {28}),
        ([v1.RandomRotation(90, expand=True)], {28, 40}),
        ([v1.RandomRotation((10, 20), expand=True)], {34, 36}),
        ([v2.RandomZoomOut(side_range=(1, 2), p=0.01)], {28, 56}),
    ],
)
def test_each_draw_that_changes_the_size_is_tried(transforms, expected):
    assert sizes(*transforms) == expected


def test_a_crop_that_only_some_expanded_images_are_large_enough_for_is_found():
    assert sizes(v1.RandomRotation((30, 60), expand=True), v1.RandomCrop(30)) == {30}
    with pytest.raises(RecipeError, match="RandomCrop cannot follow"):
        sizes(v1.RandomRotation(30, expand=True), v1.RandomCrop(30))


def test_a_long_order_of_transforms_that_change_the_kind_is_refused_and_of_others_is_taken():
    many = [v1.RandomInvert()] * MAX_ORDERED
    assert sizes(v1.RandomOrder([*many, *many])) == {28}
    with pytest.raises(RecipeError, match="RandomOrder has 6 transforms, and 5 are allowed where one of them changes"):
        sizes(v1.RandomOrder([*many, v1.ToTensor()]))


def test_orders_within_orders_are_not_tried_again_and_again(monkeypatch):
    tried = []
    monkeypatch.setattr("course.transforms.possible_images.apply", lambda one, image: tried.append(one) or one(image))
    nested = v1.CenterCrop(28)
    for _ in range(6):
        nested = v1.RandomOrder([nested, v1.CenterCrop(20), v1.Resize(24), v1.Resize(26), v1.RandomInvert()])
    sizes(nested)
    assert len(tried) < 2_000


def test_an_image_is_described_by_its_kind():
    assert describe_image(IMAGE) == "a PIL image of 28 by 28 pixels"
    assert describe_image(v1.ToTensor()(IMAGE)) == "float32 of shape (1, 28, 28)"
