"""Transforms of the training images, and of the test images where these need others."""

from __future__ import annotations

import torch
from torchvision import transforms as v1
from torchvision.transforms import v2

from tests.support.honest_recipes.building import with_options

NORMALIZE = v1.Normalize((0.1307,), (0.3081,))
TO_FLOAT = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]


def before(*transforms):
    """Transforms of PIL images, then ToTensor and Normalize."""
    return {"train_transform": v1.Compose([*transforms, v1.ToTensor(), NORMALIZE])}


def after(*transforms):
    """ToTensor and Normalize, then transforms of tensors."""
    return {"train_transform": v1.Compose([v1.ToTensor(), NORMALIZE, *transforms])}


def modern(*transforms):
    return {"train_transform": v2.Compose([*TO_FLOAT, *transforms, v2.Normalize([0.1307], [0.3081])])}


def both(*transforms):
    """The same for training and test."""
    pipeline = v1.Compose([*transforms])
    return {"train_transform": pipeline, "test_transform": pipeline}


AUGMENTATIONS = {
    "to_tensor_alone": both(v1.ToTensor()),
    "to_tensor_in_a_list": {"train_transform": [v1.ToTensor(), NORMALIZE]},
    "half_as_mean_and_deviation": both(v1.ToTensor(), v1.Normalize(0.5, 0.5)),
    "pil_to_tensor": both(v1.PILToTensor(), v1.ConvertImageDtype(torch.float32), NORMALIZE),
    "to_image_and_dtype": modern(),
    "grayscale_first": both(v1.Grayscale(), v1.ToTensor(), NORMALIZE),
    "resized": both(v1.Resize(20), v1.Pad(4), v1.ToTensor(), NORMALIZE),
    "padded_and_cropped": both(v1.Pad(2), v1.CenterCrop(28), v1.ToTensor(), NORMALIZE),
    "rotation": before(v1.RandomRotation(7, fill=0)),
    "rotation_between_two_angles": before(v1.RandomRotation((-7.0, 7.0), fill=(0,))),
    "affine": before(v1.RandomAffine(10, translate=(0.1, 0.1), scale=(0.9, 1.1), shear=5)),
    "affine_bilinear": before(v1.RandomAffine(8, shear=(-5, 5, -5, 5), interpolation=v1.InterpolationMode.BILINEAR)),
    "shift_alone": before(v1.RandomAffine(0, translate=(0.1, 0.1))),
    "random_crop": before(v1.RandomCrop(28, padding=2)),
    "random_crop_at_times": before(v1.RandomApply([v1.CenterCrop(22), v1.Resize((28, 28))], p=0.1)),
    "random_resized_crop": before(v1.RandomResizedCrop(28, scale=(0.8, 1.0), ratio=(0.9, 1.1))),
    "perspective": before(v1.RandomPerspective(0.2, p=0.5)),
    "elastic": before(v1.ElasticTransform(alpha=20.0, sigma=4.0)),
    "blur": before(v1.GaussianBlur(3, sigma=(0.1, 1.0))),
    "color_jitter": before(v1.ColorJitter(brightness=0.2, contrast=0.2)),
    "sharpness": before(v1.RandomAdjustSharpness(2, p=0.3)),
    "autocontrast": before(v1.RandomAutocontrast(p=0.3)),
    "invert": before(v1.RandomInvert(p=0.1)),
    "equalize": before(v1.RandomEqualize(p=0.1)),
    "flip": before(v1.RandomHorizontalFlip(p=0.1)),
    "erasing": after(v1.RandomErasing(p=0.2, scale=(0.02, 0.1))),
    "erasing_by_noise": after(v1.RandomErasing(value="random")),
    "choice": before(v1.RandomChoice([v1.RandomRotation(10), v1.RandomAffine(0, scale=(0.8, 1.2))])),
    "order": before(v1.RandomOrder([v1.RandomRotation(5), v1.RandomCrop(28, padding=1)])),
    "nested_composes": before(v1.Compose([v1.RandomRotation(5), v1.Compose([v1.RandomCrop(28, padding=1)])])),
    "compose_in_random_apply": before(v1.RandomApply([v1.Compose([v1.RandomRotation(20)])], p=0.3)),
    "rand_augment": before(v1.RandAugment(num_ops=1, magnitude=5)),
    "trivial_augment": before(v1.TrivialAugmentWide()),
    "blur_of_all_images": both(v1.GaussianBlur(3, sigma=0.5), v1.ToTensor(), NORMALIZE),
    "inverted_images": both(v1.RandomInvert(p=1.0), v1.ToTensor(), NORMALIZE),
    "cropped_images": both(v1.RandomApply([v1.CenterCrop(24), v1.Resize(28)], p=1.0), v1.ToTensor(), NORMALIZE),
    "v2_rotation_and_erasing": modern(v2.RandomRotation(10), v2.RandomErasing(p=0.1)),
    "v2_affine": modern(v2.RandomAffine(degrees=10, translate=(0.1, 0.1), scale=(0.9, 1.1))),
    "v2_elastic": modern(v2.ElasticTransform(alpha=15.0)),
    "v2_noise": modern(v2.GaussianNoise(sigma=0.05)),
    "v2_zoom_out": modern(v2.RandomZoomOut(side_range=(1.0, 1.2)), v2.Resize((28, 28))),
    "v2_perspective": modern(v2.RandomPerspective(0.3, p=0.3)),
    "v2_random_apply": modern(v2.RandomApply([v2.GaussianBlur(3)], p=0.2)),
}
AUGMENTATION_RECIPES = {f"transform_{name}": with_options(**options) for name, options in AUGMENTATIONS.items()}
