"""Every geometric transform against torchvision's own function, and its parameters against torchvision's draws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import transforms as v1
from torchvision.transforms.v2 import functional as F

from course.transforms import geometry
from tests.support.torchvision_reference import (
    DRAWS,
    assert_same_distribution,
    assert_same_images,
    draws,
    grey_images,
    ks_distance,
    options_of,
    torchvision_draws,
    uint8_and_float_images,
)

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
    for theirs, ours, is_uint8 in uint8_and_float_images():
        out = geometry.random_affine(ours, draws(), options, is_uint8)
        drawn = [values.tolist() for values in geometry.draw_affine(draws(), 28, 28, options)]
        expected = [
            F.affine(image, turn, [x, y], size, [sx, sy], F.InterpolationMode(mode), fill, center)
            for image, turn, x, y, size, sx, sy in zip(theirs, *drawn, strict=True)
        ]
        assert_same_images(out, torch.stack(expected), is_uint8)


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
    for theirs, ours, is_uint8 in uint8_and_float_images():
        out = geometry.random_rotation(ours, draws(), options, is_uint8)
        angles = draws().uniform(*options["degrees"]).tolist()
        expected = [
            F.rotate(image, angle, F.InterpolationMode(mode), False, center, fill)
            for image, angle in zip(theirs, angles, strict=True)
        ]
        assert_same_images(out, torch.stack(expected), is_uint8)


@pytest.mark.parametrize("angle", [0, 90, 180, 270, -90])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_quarter_turns_move_whole_pixels(angle, mode):
    options = {"degrees": (angle, angle), "center": None, "interpolation": mode, "fill": 0}
    out = geometry.random_rotation(grey_images().float(), draws(), options, True)
    assert torch.equal(out, torch.rot90(grey_images(), angle // 90, (-2, -1)).float())


def test_a_shift_moves_whole_pixels_and_keeps_their_values():
    options = options_of(v1.RandomAffine(0, translate=(0.1, 0.2), fill=7))
    out = geometry.random_affine(grey_images().float(), draws(), options, True)
    drawn = geometry.draw_affine(draws(), 28, 28, options)
    for ours, image, x, y in zip(
        out, grey_images(), drawn.shift_x.int().tolist(), drawn.shift_y.int().tolist(), strict=True
    ):
        padded = F.pad(image, [abs(x), abs(y)], fill=7)
        assert torch.equal(ours, F.crop(padded, abs(y) - y, abs(x) - x, 28, 28).float())


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("sigma", [(5.0, 5.0), (2.0, 4.0), (0.0, 0.0)])
@pytest.mark.parametrize("fill", [0, 30, None])
def test_elastic_transform_is_torchvisions_with_the_same_displacement(mode, sigma, fill):
    options = {"alpha": (60.0, 30.0), "sigma": sigma, "interpolation": mode, "fill": fill}
    for theirs, ours, is_uint8 in uint8_and_float_images():
        out = geometry.elastic_transform(ours, draws(), options, is_uint8)
        displacement = geometry.draw_displacement(draws(), 28, 28, options).permute(0, 2, 3, 1)
        expected = [
            F.elastic(image, field[None], F.InterpolationMode(mode), fill)
            for image, field in zip(theirs, displacement, strict=True)
        ]
        assert_same_images(out, torch.stack(expected), is_uint8)


@pytest.mark.parametrize("sigma", [(5.0, 5.0), (2.0, 4.0), (1.3, 0.7)])
def test_the_displacement_is_torchvisions_smoothed_noise(sigma):
    options = {"alpha": (60.0, 30.0), "sigma": sigma}
    ours = geometry.draw_displacement(draws(3), 28, 28, options)
    again = draws(3)
    for channel in (0, 1):
        kernel = int(8 * sigma[channel] + 1) | 1
        noise = again.uniform(-1, 1, (1, 28, 28))
        theirs = F.gaussian_blur(noise, [kernel, kernel], list(sigma)) * options["alpha"][channel] / 28
        torch.testing.assert_close(ours[:, channel : channel + 1], theirs, atol=1e-6, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1, 3, 5, 31]), st.sampled_from([1, 3, 7]), st.floats(0.1, 3), st.floats(0, 3))
def test_gaussian_blur_is_torchvisions_with_the_same_sigma(width, height, low, spread):
    options = {"kernel_size": (width, height), "sigma": (low, low + spread)}
    for theirs, ours, is_uint8 in uint8_and_float_images():
        out = geometry.gaussian_blur(ours, draws(), options, is_uint8)
        expected = [
            F.gaussian_blur(image, [width, height], [sigma, sigma])
            for image, sigma in zip(theirs, draws().uniform(*options["sigma"]).tolist(), strict=True)
        ]
        assert_same_images(out, torch.stack(expected), is_uint8, share=1e-3)


def test_affine_parameters_are_drawn_as_torchvision_draws_them():
    transform = v1.RandomAffine((-20, 30), (0.1, 0.3), (0.7, 1.4), (-5, 10, -20, 0))
    ours = zip(*(v.tolist() for v in geometry.draw_affine(draws(DRAWS), 28, 20, options_of(transform))), strict=True)

    def draw_one():
        angle, shift, scale, shear = transform.get_params(
            transform.degrees, transform.translate, transform.scale, transform.shear, [20, 28]
        )
        return angle, *shift, scale, *shear

    assert_same_distribution(list(ours), torchvision_draws(draw_one))


def test_rotation_angles_are_drawn_as_torchvision_draws_them():
    ours = geometry.draw_rotation(draws(DRAWS), {"degrees": (-20.0, 30.0)}).angle
    assert ks_distance(-ours, torchvision_draws(lambda: v1.RandomRotation.get_params([-20.0, 30.0]))) < 1


def test_displacements_spread_as_torchvisions_do():
    options = {"alpha": (40.0, 40.0), "sigma": (4.0, 4.0)}
    ours = geometry.draw_displacement(draws(400), 28, 28, options)
    theirs = torch.cat(
        torchvision_draws(lambda: v1.ElasticTransform.get_params([40.0, 40.0], [4.0, 4.0], [28, 28]), 400)
    )
    assert ks_distance(ours[:, 0, 14, 14], theirs[:, 14, 14, 0]) < 1
    assert ks_distance(ours[:, 1, 0, 0], theirs[:, 0, 0, 1]) < 1


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric"])
@pytest.mark.parametrize(("size", "padding"), [(5, 1), (5, 4), (5, 13), (1, 3)])
def test_padding_indices_are_those_of_numpys_pad_however_wide_the_border(mode, size, padding):
    indices = geometry.padding_indices(torch.arange(-padding, size + padding), size, mode)
    assert indices.tolist() == np.pad(np.arange(size), padding, mode).tolist()
