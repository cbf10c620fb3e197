"""Whole pipelines: determinism, devices, the way image by image, and what may not come out of one."""

import random

import numpy as np
import PIL.Image
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision import transforms as v1
from torchvision.transforms import v2

from course.errors import RecipeError
from course.transforms import build, capture_transforms

BILINEAR = v1.InterpolationMode.BILINEAR
END = [v1.ToTensor(), v1.Normalize((0.1307,), (0.3081,))]

BATCHED = {
    "plain": END,
    "affine": [v1.RandomAffine(7, (0.1, 0.1), (0.9, 1.1), (-3, 3, -3, 3), BILINEAR, fill=3), *END],
    "affine after": [*END, v2.RandomAffine(7, fill=-0.4242)],
    "rotation": [v1.RandomRotation(7, center=(10, 10)), *END],
    "shift": [v1.RandomAffine(0, translate=(0.1, 0.1)), *END],
    "crop": [v1.RandomCrop(28, padding=2), *END],
    "crop reflect": [v2.RandomCrop(28, padding=2, padding_mode="reflect"), *END],
    "pad and cut": [v1.Pad(3, fill=9), v1.CenterCrop(28), *END],
    "flips": [v1.RandomHorizontalFlip(), v2.RandomVerticalFlip(), *END],
    "jitter": [v1.ColorJitter(0.3, 0.3, 0.3, 0.3), v1.RandomInvert(0.3), *END],
    "elastic and blur": [v1.ElasticTransform(30.0), v1.GaussianBlur(3), *END],
    "erasing": [*END, v1.RandomErasing()],
    "erasing with noise": [*END, v2.RandomErasing(value="random")],
    "some of the time": [v1.RandomApply([v1.RandomRotation(9), v1.RandomInvert()], p=0.5), *END],
    "all of v2": [
        v2.ToImage(),
        v2.RandomRotation(5, BILINEAR),
        v2.ToDtype(torch.float32, scale=True),
        v2.GaussianNoise(),
    ],
    "nothing to do": [v1.Resize(28), v1.Grayscale(), v2.Identity(), v2.ToImage(), v2.ConvertImageDtype()],
}
IMAGE_BY_IMAGE = {
    "perspective": [v1.RandomPerspective(), *END],
    "choice": [v1.RandomChoice([v1.RandomRotation(9), v1.RandomInvert(p=1)]), *END],
    "order": [v1.RandomOrder([v1.RandomRotation(9), v1.RandomInvert()]), *END],
    "bicubic": [v2.RandomRotation(9, interpolation="bicubic"), *END[:1]],
    "expanded": [v1.RandomRotation(9, expand=True), v1.Resize((28, 28)), *END],
    "resized": [v1.Resize(20), v1.Pad(4), *END],
    "policy": [v1.TrivialAugmentWide(), v1.RandAugment(), v2.AutoAugment(), v2.AugMix(), *END],
}


def digits(count: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


def pipeline(transforms, device="cpu"):
    return build(capture_transforms(transforms), device)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", BATCHED)
def test_usual_pipelines_are_batched_and_depend_on_the_generator_alone(name):
    p = pipeline(BATCHED[name])
    assert p.batched
    before, state = digits(), torch.get_rng_state()
    out = p(before, generator())
    assert torch.equal(out, p(before, generator()))
    assert torch.equal(out, p(before, generator(1))) is not p.random
    assert torch.equal(before, digits())
    assert torch.equal(state, torch.get_rng_state())
    assert out.shape == (16, 1, 28, 28)
    assert out.dtype == torch.float32


@pytest.mark.parametrize("name", BATCHED)
def test_a_batched_pipeline_runs_on_the_meta_device(name):
    out = pipeline(BATCHED[name], "meta")(torch.empty(5, 28, 28, dtype=torch.uint8, device="meta"))
    assert out.shape == (5, 1, 28, 28)
    assert out.device.type == "meta"
    assert out.dtype == torch.float32


@pytest.mark.parametrize("name", BATCHED)
def test_a_batched_pipeline_never_waits_for_a_gpu(name):
    p = pipeline(BATCHED[name], "cuda")
    with FakeTensorMode():  # reading a value off a fake tensor raises
        out = p(torch.empty(5, 28, 28, dtype=torch.uint8, device="cuda"))
    assert out.shape == (5, 1, 28, 28)
    assert out.device.type == "cuda"


@pytest.mark.parametrize("name", BATCHED)
def test_every_image_has_draws_of_its_own(name):
    p = pipeline(BATCHED[name])
    same = digits(1).expand(32, 28, 28)
    different = {tuple(image.flatten().tolist()) for image in p(same, generator())}
    assert (len(different) > 2) is p.random


DRAWLESS = {
    "v1": END,
    "v2": [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.1307], [0.3081])],
    "bytes": [v1.PILToTensor(), v1.ConvertImageDtype(torch.float32)],
    "unscaled": [v2.ToImage(), v2.ToDtype(torch.float32)],
    "pad and cut": [v1.Pad((1, 2, 3, 4), fill=9, padding_mode="constant"), v1.CenterCrop(28), v1.ToTensor()],
    "cut and pad": [v1.CenterCrop(21), v1.Pad((3, 4, 4, 3), padding_mode="symmetric"), v1.ToTensor()],
    "inverted": [v1.RandomInvert(p=1), v1.ToTensor(), v1.RandomInvert(p=1), v1.RandomHorizontalFlip(p=1)],
    "quarter turn": [v1.RandomRotation((90, 90)), v1.ToTensor()],
    "moved": [v1.RandomAffine((0, 0), scale=(2, 2)), v1.ToTensor()],
    "brighter": [v1.ColorJitter((1.3, 1.3)), v1.ToTensor()],
    "always": [v1.RandomApply([v1.RandomVerticalFlip(p=1)], p=1), v1.ToTensor()],
    "never": [v1.RandomApply([v1.RandomVerticalFlip(p=1)], p=0), v1.ToTensor()],
    "blurred": [v1.GaussianBlur(5, (0.8, 0.8)), v1.ToTensor()],
}


@pytest.mark.parametrize("name", DRAWLESS)
def test_where_nothing_is_left_to_chance_a_batch_is_what_torchvision_makes_of_each_image(name):
    p = pipeline(DRAWLESS[name])
    assert p.batched
    compose = v1.Compose(DRAWLESS[name])
    expected = torch.stack([compose(PIL.Image.fromarray(image)) for image in digits().numpy()])
    out = p(digits(), generator())
    if name == "brighter":  # PIL and torchvision's tensors round differently by one level
        torch.testing.assert_close(out, expected, atol=1.01 / 255, rtol=0)
    else:
        assert torch.equal(out, expected.as_subclass(torch.Tensor))


@pytest.mark.parametrize("name", IMAGE_BY_IMAGE)
def test_everything_else_goes_image_by_image_and_leaves_the_global_random_states_alone(name):
    p = pipeline(IMAGE_BY_IMAGE[name])
    assert not p.batched
    torch_state, python_state, numpy_state = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    out = p(digits(), generator())
    assert torch.equal(torch_state, torch.get_rng_state())
    assert python_state == random.getstate()
    assert np.array_equal(numpy_state, np.random.get_state()[1])
    torch.manual_seed(99)
    random.seed(99)
    assert torch.equal(out, p(digits(), generator()))
    assert torch.equal(out, p(digits(), generator(1))) is not p.random


def test_image_by_image_is_torchvision_on_the_images_that_mnist_gives():
    transforms = [v1.Resize((20, 20)), v1.Resize((28, 28)), v1.ToTensor()]
    expected = torch.stack([v1.Compose(transforms)(PIL.Image.fromarray(image)) for image in digits().numpy()])
    assert torch.equal(pipeline(transforms)(digits()), expected)


def test_random_apply_changes_its_share_of_the_images():
    p = pipeline([v1.RandomApply([v1.RandomInvert(p=1)], p=0.25), v1.ToTensor()])
    inverted = p(torch.zeros(4000, 28, 28, dtype=torch.uint8), generator())[:, 0, 0, 0]
    assert set(inverted.tolist()) == {0.0, 1.0}
    assert inverted.mean().item() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("transforms", "says"),
    [
        ([], "a PIL image of 28 by 28 pixels"),
        ([v1.RandomInvert()], "a PIL image of 28 by 28 pixels"),
        ([v1.PILToTensor()], r"uint8 of shape \(1, 28, 28\)"),
        ([v1.Resize(32), v1.ToTensor()], r"float32 of shape \(1, 32, 32\)"),
        ([v1.CenterCrop(20), *END], r"\(1, 20, 20\)"),
        ([v1.Grayscale(3), v1.ToTensor()], r"\(3, 28, 28\)"),
        ([v1.RandomCrop(24), *END], r"\(1, 24, 24\)"),
        ([v1.Normalize(0.1, 0.3), v1.ToTensor()], "Normalize cannot follow"),
        ([v1.ToTensor(), v1.ToTensor()], "ToTensor cannot follow"),
        ([v1.RandomErasing(p=0.001), v1.ToTensor()], "RandomErasing cannot follow"),
        ([v1.RandomApply([v1.Normalize(0.1, 0.3)], p=0.001), v1.ToTensor()], "Normalize cannot follow"),
        ([v1.RandomCrop(40), v1.ToTensor()], "RandomCrop cannot follow"),
        ([v1.RandomRotation(5, fill=-3), *END], "fill=-3 is none"),
        ([v1.RandomApply([v1.ToTensor()], p=0.25)], "a PIL image of 28 by 28 pixels"),
        ([v1.RandomApply([v1.ToTensor()], p=0.99)], "a PIL image of 28 by 28 pixels"),
        ([v1.Compose([v1.RandomApply([v1.Pad(2), v1.CenterCrop(20)]), v1.ToTensor()])], r"\(1, 20, 20\)"),
        ([v1.RandomApply([v1.ToTensor()]), v1.Normalize(0.1, 0.3)], "Normalize cannot follow"),
        ([v1.RandomChoice([v1.CenterCrop(20), v1.CenterCrop(28)], p=[0.3, 0.7]), v1.ToTensor()], r"\(1, 20, 20\)"),
        ([v1.RandomChoice([v1.CenterCrop(28), v1.RandomChoice([v1.Resize(28), v1.Pad(1)])]), *END], r"\(1, 30, 30\)"),
        ([v1.RandomOrder([v1.CenterCrop(20), v1.Resize(28)]), v1.ToTensor()], r"\(1, 20, 20\)"),
        ([v1.RandomOrder([v1.ToTensor(), v1.Normalize(0.1, 0.3)])], "Normalize cannot follow"),
        ([v2.ToImage(), v2.RandomAffine(5, fill=0.5), v2.ToDtype(torch.float32)], "fill=0.5 is none"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused_when_it_is_built(transforms, says):
    with pytest.raises(RecipeError, match=says) as caught:
        pipeline(transforms)
    assert str(caught.value).endswith(".")


def test_choices_that_all_come_out_right_are_taken_and_one_of_weight_0_is_never_drawn():
    choice = v1.RandomChoice([v1.CenterCrop(20), v1.Resize(28), v1.ToTensor()], p=[0, 0.5, 0])
    for transforms in (
        [choice, v1.RandomApply([v1.Resize(28)]), v1.ToTensor()],
        [v1.RandomApply([v1.ToTensor()], p=1)],
    ):
        assert pipeline(transforms)(digits(8), generator()).shape == (8, 1, 28, 28)
