"""Every batched transform against torchvision's own function, and its parameters against torchvision's draws."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import transforms as v1
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from course.transforms import batched
from tests.support.torchvision_reference import (
    COUNT,
    DRAWS,
    assert_same_distribution,
    assert_same_images,
    draws,
    grey_images,
    options_of,
    torchvision_draws,
    uint8_and_float_images,
)

pads = st.integers(0, 20)


any_padding = pads | st.tuples(pads, pads) | st.tuples(pads, pads, pads, pads)


padding_modes = st.sampled_from(["constant", "edge", "reflect", "symmetric"])


@given(any_padding, padding_modes, st.sampled_from([0, 3, 250]))
@settings(max_examples=30, deadline=None)
def test_pad_is_torchvisions_pad(padding, mode, fill):
    options = {"padding": padding, "padding_mode": mode, "fill": fill}
    out = batched.pad(grey_images().float(), draws(), options, True)
    borders = padding if isinstance(padding, int) else list(padding)
    assert torch.equal(out, F.pad(grey_images(), borders, fill, mode).float())


@given(any_padding, padding_modes, st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_random_crop_cuts_torchvisions_crop_out_of_torchvisions_padding(padding, mode, height, width):
    transform = v2.RandomCrop((height, width), padding=padding, pad_if_needed=True, fill=5, padding_mode=mode)
    options = options_of(transform)
    out = batched.random_crop(grey_images().float(), draws(), options, True)
    missing = [max(0, size - space) for size, space in zip((width, height), padded_size(padding), strict=True)]
    padded = F.pad(
        F.pad(grey_images(), padding if isinstance(padding, int) else list(padding), 5, mode), missing, 5, mode
    )
    tops, lefts = batched.draw_crop(draws(), *padded.shape[-2:], options)
    for ours, image, top, left in zip(out, padded, tops.tolist(), lefts.tolist(), strict=True):
        assert torch.equal(ours, F.crop(image, top, left, height, width).float())


def padded_size(padding) -> tuple[int, int]:
    (image,) = F.pad(grey_images(1), padding if isinstance(padding, int) else list(padding))
    return image.shape[-1], image.shape[-2]


@given(st.integers(1, 64), st.integers(1, 64))
@settings(max_examples=30, deadline=None)
def test_center_crop_is_torchvisions_smaller_and_larger(height, width):
    out = batched.center_crop(grey_images().float(), draws(), {"size": (height, width)}, True)
    assert torch.equal(out, F.center_crop(grey_images(), [height, width]).float())


factors = st.just(0) | st.tuples(st.floats(0, 1), st.floats(1, 3))


@given(factors, factors)
@settings(max_examples=30, deadline=None)
def test_color_jitter_is_torchvisions_brightness_and_contrast_in_either_order(brightness, contrast):
    options = {"brightness": brightness, "contrast": contrast, "saturation": (0.5, 2.0), "hue": (-0.5, 0.5)}
    for theirs, ours, is_uint8 in uint8_and_float_images():
        out = batched.color_jitter(ours, draws(), options, is_uint8)
        jitter = batched.draw_jitter(draws(), options)
        expected = []
        for i, image in enumerate(theirs):
            steps = []
            if jitter.brightness is not None:
                steps.append(partial(F.adjust_brightness, brightness_factor=jitter.brightness[i].item()))
            if jitter.contrast is not None:
                steps.append(partial(F.adjust_contrast, contrast_factor=jitter.contrast[i].item()))
            for step in steps if jitter.brightness_first[i] else reversed(steps):
                image = step(image)
            expected.append(image)
        assert_same_images(out, torch.stack(expected), is_uint8, share=2e-3)


def test_saturation_and_hue_change_nothing_in_a_grey_image_as_in_torchvision():
    image = v1.ToPILImage()(grey_images()[0])
    jitter = v1.ColorJitter(saturation=0.9, hue=0.5)
    assert torch.equal(v1.PILToTensor()(jitter(image)), grey_images()[0])
    assert torch.equal(v2.ColorJitter(saturation=0.9, hue=0.5)(grey_images()[0]), grey_images()[0])
    assert torch.equal(
        batched.color_jitter(grey_images().float(), draws(), options_of(jitter), True), grey_images().float()
    )


@pytest.mark.parametrize(
    ("function", "theirs"),
    [
        (batched.random_horizontal_flip, F.horizontal_flip),
        (batched.random_vertical_flip, F.vertical_flip),
        (batched.random_invert, F.invert),
    ],
)
def test_flips_and_inversion_are_torchvisions_where_they_happen(function, theirs):
    for images, ours, is_uint8 in uint8_and_float_images():
        out = function(ours, draws(), {"p": 0.5}, is_uint8)
        chosen = draws().bernoulli(0.5)
        assert 0 < chosen.sum() < COUNT
        assert torch.equal(out, torch.where(chosen, theirs(images), images).float())
        assert torch.equal(function(ours, draws(), {"p": 0.0}, is_uint8), ours)
        assert torch.equal(function(ours, draws(), {"p": 1.0}, is_uint8), theirs(images).float())


@pytest.mark.parametrize(("mean", "std"), [((0.1307,), (0.3081,)), (0.5, 2.0)])
def test_normalize_is_torchvisions(mean, std):
    images = grey_images() / 255
    out = batched.normalize(images, draws(), {"mean": mean, "std": std}, False)
    assert torch.equal(out, v1.Normalize(mean, std)(images))


def test_gaussian_noise_has_its_mean_and_spread_and_is_clipped_on_demand():
    images = torch.full((200, 1, 28, 28), 0.5)
    noise = batched.gaussian_noise(images, draws(200), {"mean": 0.1, "sigma": 0.3, "clip": False}, False) - 0.5
    assert noise.mean().item() == pytest.approx(0.1, abs=0.005)
    assert noise.std().item() == pytest.approx(0.3, abs=0.005)
    clipped = batched.gaussian_noise(images, draws(200), {"mean": 0.1, "sigma": 0.3, "clip": True}, False)
    assert torch.equal(clipped, (noise + 0.5).clamp(0, 1))


ERASING = {"p": 0.7, "scale": (0.02, 0.6), "ratio": (0.2, 5.0), "value": 0.25, "inplace": False}


@pytest.mark.parametrize("value", [0.25, (0.25,), "random"])
def test_random_erasing_is_torchvisions_erase_of_the_same_rectangles(value):
    images = grey_images() / 255
    out = batched.random_erasing(images, draws(), ERASING | {"value": value}, False)
    again = draws()
    rectangles = batched.draw_rectangle(again, 28, 28, ERASING)
    patch = again.normal_like(images) if value == "random" else torch.full_like(images, 0.25)
    for ours, image, new, *drawn in zip(out, images, patch, *rectangles, strict=True):
        top, left, height, width = (int(x) for x in drawn)
        inside = new[:, top : top + height, left : left + width]
        assert torch.equal(ours, F.erase(image, top, left, height, width, inside))


def test_crop_corners_are_drawn_as_torchvision_draws_them():
    ours = zip(*(v.tolist() for v in batched.draw_crop(draws(DRAWS), 32, 36, {"size": (28, 30)})), strict=True)
    image = torch.zeros(1, 32, 36)
    assert_same_distribution(list(ours), torchvision_draws(lambda: v1.RandomCrop.get_params(image, (28, 30))[:2]))


@pytest.mark.parametrize(
    ("scale", "ratio"),
    [((0.02, 0.33), (0.3, 3.3)), ((0.5, 1.0), (0.1, 10.0)), ((0.9, 1.0), (0.5, 0.9)), ((0.0, 0.001), (1.0, 1.0))],
)
def test_erased_rectangles_are_drawn_as_torchvision_draws_them_retries_included(scale, ratio):
    image = torch.zeros(1, 28, 28)
    rectangles = batched.draw_rectangle(draws(DRAWS), 28, 28, {"scale": scale, "ratio": ratio, "p": 1.0})
    ours = list(zip(*(v.tolist() for v in rectangles), strict=True))

    def draw_one():
        top, left, height, width, _ = v1.RandomErasing.get_params(image, scale, ratio, [0.0])
        # torchvision's way to say that nothing fits
        return (0, 0, 0, 0) if (height, width) == (28, 28) or height == 0 else (top, left, height, width)

    theirs = torchvision_draws(draw_one)
    empty = [(t, left, h, w) if h else (0, 0, 0, 0) for t, left, h, w in ours]
    assert_same_distribution(empty, theirs)


def test_jitter_factors_and_order_are_drawn_as_torchvision_draws_them():
    transform = v1.ColorJitter((0.2, 1.1), (0.9, 3.0))
    jitter = batched.draw_jitter(draws(DRAWS), options_of(transform))
    ours = zip(*(v.flatten().tolist() for v in jitter), strict=True)

    def draw_one():
        order, brightness, contrast, _, _ = transform.get_params(transform.brightness, transform.contrast, None, None)
        return brightness, contrast, order.tolist().index(0) < order.tolist().index(1)

    assert_same_distribution(list(ours), torchvision_draws(draw_one))


def test_only_what_can_be_computed_for_a_whole_batch_has_a_batched_form():
    rotation = options_of(v1.RandomRotation(7))
    assert batched.batched_transform("RandomRotation", rotation, is_uint8=True)
    assert batched.batched_transform("RandomRotation", rotation | {"expand": True}, is_uint8=True) is None
    assert batched.batched_transform("RandomRotation", rotation | {"interpolation": "bicubic"}, is_uint8=True) is None
    assert batched.batched_transform("RandomPerspective", {"p": 1.0}, is_uint8=True) is None
    assert batched.batched_transform("RandomErasing", ERASING, is_uint8=False)
    assert batched.batched_transform("RandomErasing", ERASING, is_uint8=True) is None, "torchvision erases floats"
