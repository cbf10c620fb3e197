"""Every batched transform against torchvision's own functions, and every draw against torchvision's own draws."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import transforms as v1
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from course.transforms import batched, geometry
from course.transforms.capture import capture_transforms
from course.transforms.pipeline import isolated
from course.transforms.random_draws import Draw

N = 24
BILINEAR = v1.InterpolationMode.BILINEAR


def draw(count: int = N, seed: int = 0) -> Draw:
    return Draw(count, torch.device("cpu"), torch.Generator().manual_seed(seed))


def grey(count: int = N) -> torch.Tensor:
    """uint8 (N, 1, 28, 28), bright up to the border so that borders count."""
    return torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def options_of(transform) -> dict:
    return capture_transforms(transform)[0].options


def both_kinds():
    """(images for torchvision, the same for us, eight_bit)"""
    yield grey(), grey().float(), True
    yield grey() / 255 - 0.2, grey() / 255 - 0.2, False


def assert_same_images(ours, theirs, eight_bit, share=5e-4):
    """Equal but for a share of pixels where rounding in another order tips a tie."""
    tolerance = 0.5 if eight_bit else 1e-4 + 1e-5 * theirs.abs().max().item()
    different = ((ours - theirs.float()).abs() > tolerance).float().mean().item()
    assert different <= share


degrees = st.floats(-180, 180).map(lambda x: round(x, 3))
center = st.none() | st.tuples(st.integers(0, 28), st.integers(0, 28))


@settings(max_examples=30, deadline=None)
@given(
    angle=degrees,
    spread=st.floats(0, 90),
    translate=st.none() | st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)),
    scale=st.none() | st.tuples(st.floats(0.5, 1), st.floats(1, 2)),
    shear=st.none() | st.just((-10.0, 20.0)) | st.just((-10.0, 20.0, -15.0, 5.0)),
    center=center,
    mode=st.sampled_from(["nearest", "bilinear"]),
    fill=st.sampled_from([0, 0.0, 7, 255]),
)
def test_random_affine_is_torchvisions_affine_with_the_same_parameters(
    angle, spread, translate, scale, shear, center, mode, fill
):
    options = {"degrees": (angle, angle + spread), "translate": translate, "scale": scale, "shear": shear}
    options |= {"center": center, "interpolation": mode, "fill": fill}
    for theirs, ours, eight_bit in both_kinds():
        out = geometry.random_affine(ours, draw(), options, eight_bit)
        drawn = [values.tolist() for values in geometry.draw_affine(draw(), 28, 28, options)]
        expected = [
            F.affine(image, turn, [x, y], size, [sx, sy], F.InterpolationMode(mode), fill, center)
            for image, turn, x, y, size, sx, sy in zip(theirs, *drawn, strict=True)
        ]
        assert_same_images(out, torch.stack(expected), eight_bit)


@settings(max_examples=20, deadline=None)
@given(
    low=degrees,
    spread=st.floats(0, 90),
    center=center,
    mode=st.sampled_from(["nearest", "bilinear"]),
    fill=st.sampled_from([None, 0, 9]),
)
def test_random_rotation_is_torchvisions_rotate_in_its_direction(low, spread, center, mode, fill):
    options = {"degrees": (low, low + spread), "center": center, "interpolation": mode, "fill": fill}
    for theirs, ours, eight_bit in both_kinds():
        out = geometry.random_rotation(ours, draw(), options, eight_bit)
        angles = draw().uniform(*options["degrees"]).tolist()
        expected = [
            F.rotate(image, angle, F.InterpolationMode(mode), False, center, fill)
            for image, angle in zip(theirs, angles, strict=True)
        ]
        assert_same_images(out, torch.stack(expected), eight_bit)


@pytest.mark.parametrize("angle", [0, 90, 180, 270, -90])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_quarter_turns_move_whole_pixels(angle, mode):
    options = {"degrees": (angle, angle), "center": None, "interpolation": mode, "fill": 0}
    out = geometry.random_rotation(grey().float(), draw(), options, True)
    assert torch.equal(out, torch.rot90(grey(), angle // 90, (-2, -1)).float())


def test_a_shift_moves_whole_pixels_and_keeps_their_values():
    options = options_of(v1.RandomAffine(0, translate=(0.1, 0.2), fill=7))
    out = geometry.random_affine(grey().float(), draw(), options, True)
    drawn = geometry.draw_affine(draw(), 28, 28, options)
    for ours, image, x, y in zip(out, grey(), drawn.shift_x.int().tolist(), drawn.shift_y.int().tolist(), strict=True):
        padded = F.pad(image, [abs(x), abs(y)], fill=7)
        assert torch.equal(ours, F.crop(padded, abs(y) - y, abs(x) - x, 28, 28).float())


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("sigma", [(5.0, 5.0), (2.0, 4.0), (0.0, 0.0)])
@pytest.mark.parametrize("fill", [0, 30, None])
def test_elastic_transform_is_torchvisions_with_the_same_displacement(mode, sigma, fill):
    options = {"alpha": (60.0, 30.0), "sigma": sigma, "interpolation": mode, "fill": fill}
    for theirs, ours, eight_bit in both_kinds():
        out = geometry.elastic_transform(ours, draw(), options, eight_bit)
        displacement = geometry.draw_displacement(draw(), 28, 28, options).permute(0, 2, 3, 1)
        expected = [
            F.elastic(image, field[None], F.InterpolationMode(mode), fill)
            for image, field in zip(theirs, displacement, strict=True)
        ]
        assert_same_images(out, torch.stack(expected), eight_bit)


@pytest.mark.parametrize("sigma", [(5.0, 5.0), (2.0, 4.0), (1.3, 0.7)])
def test_the_displacement_is_torchvisions_smoothed_noise(sigma):
    options = {"alpha": (60.0, 30.0), "sigma": sigma}
    ours = geometry.draw_displacement(draw(3), 28, 28, options)
    again = draw(3)
    for channel in (0, 1):
        kernel = int(8 * sigma[channel] + 1) | 1
        noise = again.uniform(-1, 1, 1, 28, 28)
        theirs = F.gaussian_blur(noise, [kernel, kernel], list(sigma)) * options["alpha"][channel] / 28
        torch.testing.assert_close(ours[:, channel : channel + 1], theirs, atol=1e-6, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1, 3, 5, 31]), st.sampled_from([1, 3, 7]), st.floats(0.1, 3), st.floats(0, 3))
def test_gaussian_blur_is_torchvisions_with_the_same_sigma(width, height, low, spread):
    options = {"kernel_size": (width, height), "sigma": (low, low + spread)}
    for theirs, ours, eight_bit in both_kinds():
        out = geometry.gaussian_blur(ours, draw(), options, eight_bit)
        expected = [
            F.gaussian_blur(image, [width, height], [sigma, sigma])
            for image, sigma in zip(theirs, draw().uniform(*options["sigma"]).tolist(), strict=True)
        ]
        assert_same_images(out, torch.stack(expected), eight_bit, share=1e-3)


pads = st.integers(0, 20)
any_padding = pads | st.tuples(pads, pads) | st.tuples(pads, pads, pads, pads)
padding_modes = st.sampled_from(["constant", "edge", "reflect", "symmetric"])


@given(any_padding, padding_modes, st.sampled_from([0, 3, 250]))
@settings(max_examples=30, deadline=None)
def test_pad_is_torchvisions_pad(padding, mode, fill):
    options = {"padding": padding, "padding_mode": mode, "fill": fill}
    out = batched.pad(grey().float(), draw(), options, True)
    borders = padding if isinstance(padding, int) else list(padding)
    assert torch.equal(out, F.pad(grey(), borders, fill, mode).float())


@given(any_padding, padding_modes, st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_random_crop_cuts_torchvisions_crop_out_of_torchvisions_padding(padding, mode, height, width):
    transform = v2.RandomCrop((height, width), padding=padding, pad_if_needed=True, fill=5, padding_mode=mode)
    options = options_of(transform)
    out = batched.random_crop(grey().float(), draw(), options, True)
    missing = [max(0, size - space) for size, space in zip((width, height), padded_size(padding), strict=True)]
    padded = F.pad(F.pad(grey(), padding if isinstance(padding, int) else list(padding), 5, mode), missing, 5, mode)
    tops, lefts = batched.draw_crop(draw(), *padded.shape[-2:], options)
    for ours, image, top, left in zip(out, padded, tops.tolist(), lefts.tolist(), strict=True):
        assert torch.equal(ours, F.crop(image, top, left, height, width).float())


def padded_size(padding) -> tuple[int, int]:
    (image,) = F.pad(grey(1), padding if isinstance(padding, int) else list(padding))
    return image.shape[-1], image.shape[-2]


@given(st.integers(1, 64), st.integers(1, 64))
@settings(max_examples=30, deadline=None)
def test_center_crop_is_torchvisions_smaller_and_larger(height, width):
    out = batched.center_crop(grey().float(), draw(), {"size": (height, width)}, True)
    assert torch.equal(out, F.center_crop(grey(), [height, width]).float())


factors = st.just(0) | st.tuples(st.floats(0, 1), st.floats(1, 3))


@given(factors, factors)
@settings(max_examples=30, deadline=None)
def test_color_jitter_is_torchvisions_brightness_and_contrast_in_either_order(brightness, contrast):
    options = {"brightness": brightness, "contrast": contrast, "saturation": (0.5, 2.0), "hue": (-0.5, 0.5)}
    for theirs, ours, eight_bit in both_kinds():
        out = batched.color_jitter(ours, draw(), options, eight_bit)
        jitter = batched.draw_jitter(draw(), options)
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
        assert_same_images(out, torch.stack(expected), eight_bit, share=2e-3)


def test_saturation_and_hue_change_nothing_in_a_grey_image_as_in_torchvision():
    image = v1.ToPILImage()(grey()[0])
    jitter = v1.ColorJitter(saturation=0.9, hue=0.5)
    assert torch.equal(v1.PILToTensor()(jitter(image)), grey()[0])
    assert torch.equal(v2.ColorJitter(saturation=0.9, hue=0.5)(grey()[0]), grey()[0])
    assert torch.equal(batched.color_jitter(grey().float(), draw(), options_of(jitter), True), grey().float())


@pytest.mark.parametrize(
    ("function", "theirs"),
    [
        (batched.random_horizontal_flip, F.horizontal_flip),
        (batched.random_vertical_flip, F.vertical_flip),
        (batched.random_invert, F.invert),
    ],
)
def test_flips_and_inversion_are_torchvisions_where_they_happen(function, theirs):
    for images, ours, eight_bit in both_kinds():
        out = function(ours, draw(), {"p": 0.5}, eight_bit)
        chosen = draw().chance(0.5)
        assert 0 < chosen.sum() < N
        assert torch.equal(out, torch.where(chosen, theirs(images), images).float())
        assert torch.equal(function(ours, draw(), {"p": 0.0}, eight_bit), ours)
        assert torch.equal(function(ours, draw(), {"p": 1.0}, eight_bit), theirs(images).float())


@pytest.mark.parametrize(("mean", "std"), [((0.1307,), (0.3081,)), (0.5, 2.0)])
def test_normalize_is_torchvisions(mean, std):
    images = grey() / 255
    out = batched.normalize(images, draw(), {"mean": mean, "std": std}, False)
    assert torch.equal(out, v1.Normalize(mean, std)(images))


def test_gaussian_noise_has_its_mean_and_spread_and_is_clipped_on_demand():
    images = torch.full((200, 1, 28, 28), 0.5)
    noise = batched.gaussian_noise(images, draw(200), {"mean": 0.1, "sigma": 0.3, "clip": False}, False) - 0.5
    assert noise.mean().item() == pytest.approx(0.1, abs=0.005)
    assert noise.std().item() == pytest.approx(0.3, abs=0.005)
    clipped = batched.gaussian_noise(images, draw(200), {"mean": 0.1, "sigma": 0.3, "clip": True}, False)
    assert torch.equal(clipped, (noise + 0.5).clamp(0, 1))


ERASING = {"p": 0.7, "scale": (0.02, 0.6), "ratio": (0.2, 5.0), "value": 0.25, "inplace": False}


@pytest.mark.parametrize("value", [0.25, (0.25,), "random"])
def test_random_erasing_is_torchvisions_erase_of_the_same_rectangles(value):
    images = grey() / 255
    out = batched.random_erasing(images, draw(), ERASING | {"value": value}, False)
    again = draw()
    rectangles = batched.draw_rectangle(again, 28, 28, ERASING)
    patch = again.normal_like(images) if value == "random" else torch.full_like(images, 0.25)
    for ours, image, new, *drawn in zip(out, images, patch, *rectangles, strict=True):
        top, left, height, width = (int(x) for x in drawn)
        inside = new[:, top : top + height, left : left + width]
        assert torch.equal(ours, F.erase(image, top, left, height, width, inside))


# ---- the draws are torchvision's

DRAWS = 4000


def distance(ours, theirs) -> float:
    """The Kolmogorov-Smirnov distance of two samples of equal size, in units of its 0.1 % point."""
    ours, theirs = np.sort(np.asarray(ours, float)), np.sort(np.asarray(theirs, float))
    both = np.concatenate([ours, theirs])
    gap = np.searchsorted(ours, both, "right") / len(ours) - np.searchsorted(theirs, both, "right") / len(theirs)
    return np.abs(gap).max() / (1.95 * (2 / len(ours)) ** 0.5)


def assert_same_distribution(ours, theirs):
    assert len(ours) == len(theirs)
    for name, mine, other in zip("abcdefgh", zip(*ours, strict=True), zip(*theirs, strict=True), strict=False):
        assert distance(mine, other) < 1, name


def torchvisions(get, count: int = DRAWS) -> list:
    with isolated(11):
        return [get() for _ in range(count)]


def test_a_wrong_distribution_would_be_noticed():
    ours = draw(DRAWS).uniform(-5, 5)
    assert distance(ours, draw(DRAWS, 1).uniform(-5, 5)) < 1
    assert distance(ours, draw(DRAWS, 1).uniform(-5, 6)) > 1
    assert distance(ours, draw(DRAWS, 1).uniform(-5, 5).round()) > 1


def test_affine_parameters_are_drawn_as_torchvision_draws_them():
    transform = v1.RandomAffine((-20, 30), (0.1, 0.3), (0.7, 1.4), (-5, 10, -20, 0))
    ours = zip(*(v.tolist() for v in geometry.draw_affine(draw(DRAWS), 28, 20, options_of(transform))), strict=True)

    def get():
        angle, shift, scale, shear = transform.get_params(
            transform.degrees, transform.translate, transform.scale, transform.shear, [20, 28]
        )
        return angle, *shift, scale, *shear

    assert_same_distribution(list(ours), torchvisions(get))


def test_rotation_angles_are_drawn_as_torchvision_draws_them():
    ours = geometry.draw_rotation(draw(DRAWS), {"degrees": (-20.0, 30.0)}).angle
    assert distance(-ours, torchvisions(lambda: v1.RandomRotation.get_params([-20.0, 30.0]))) < 1


def test_crop_corners_are_drawn_as_torchvision_draws_them():
    ours = zip(*(v.tolist() for v in batched.draw_crop(draw(DRAWS), 32, 36, {"size": (28, 30)})), strict=True)
    image = torch.zeros(1, 32, 36)
    assert_same_distribution(list(ours), torchvisions(lambda: v1.RandomCrop.get_params(image, (28, 30))[:2]))


@pytest.mark.parametrize(
    ("scale", "ratio"),
    [((0.02, 0.33), (0.3, 3.3)), ((0.5, 1.0), (0.1, 10.0)), ((0.9, 1.0), (0.5, 0.9)), ((0.0, 0.001), (1.0, 1.0))],
)
def test_erased_rectangles_are_drawn_as_torchvision_draws_them_retries_included(scale, ratio):
    image = torch.zeros(1, 28, 28)
    rectangles = batched.draw_rectangle(draw(DRAWS), 28, 28, {"scale": scale, "ratio": ratio, "p": 1.0})
    ours = list(zip(*(v.tolist() for v in rectangles), strict=True))

    def get():
        top, left, height, width, _ = v1.RandomErasing.get_params(image, scale, ratio, [0.0])
        # torchvision's way to say that nothing fits
        return (0, 0, 0, 0) if (height, width) == (28, 28) or height == 0 else (top, left, height, width)

    theirs = torchvisions(get)
    empty = [(t, left, h, w) if h else (0, 0, 0, 0) for t, left, h, w in ours]
    assert_same_distribution(empty, theirs)


def test_jitter_factors_and_order_are_drawn_as_torchvision_draws_them():
    transform = v1.ColorJitter((0.2, 1.1), (0.9, 3.0))
    jitter = batched.draw_jitter(draw(DRAWS), options_of(transform))
    ours = zip(*(v.flatten().tolist() for v in jitter), strict=True)

    def get():
        order, brightness, contrast, _, _ = transform.get_params(transform.brightness, transform.contrast, None, None)
        return brightness, contrast, order.tolist().index(0) < order.tolist().index(1)

    assert_same_distribution(list(ours), torchvisions(get))


def test_displacements_spread_as_torchvisions_do():
    options = {"alpha": (40.0, 40.0), "sigma": (4.0, 4.0)}
    ours = geometry.draw_displacement(draw(400), 28, 28, options)
    theirs = torch.cat(torchvisions(lambda: v1.ElasticTransform.get_params([40.0, 40.0], [4.0, 4.0], [28, 28]), 400))
    assert distance(ours[:, 0, 14, 14], theirs[:, 14, 14, 0]) < 1
    assert distance(ours[:, 1, 0, 0], theirs[:, 0, 0, 1]) < 1


@given(st.integers(1, 100))
def test_whole_numbers_stay_below_their_end_even_when_the_product_rounds_up(end):
    class Highest(Draw):
        def uniform(self, low=0.0, high=1.0, *shape):
            return torch.full((self.count,), 1 - 2**-24)

    last = Highest(3, torch.device("cpu"), None)
    assert last.below(end).tolist() == [end - 1] * 3
    assert last.below(torch.full((3,), float(end))).tolist() == [end - 1] * 3
