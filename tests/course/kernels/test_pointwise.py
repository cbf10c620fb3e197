"""Batch norm, ReLU and dropout in one pass: outputs and gradients as PyTorch's own operators compute them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course.kernels import layout
from course.kernels.pointwise import BatchNorm, Draw, Pointwise, Steps, sum_channels
from tests.support.kernels import computed, packed

shapes = st.one_of(
    st.tuples(st.integers(2, 70), st.integers(1, 12), st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(2, 70), st.integers(1, 12)),
)
DROPOUTS = ["", "numbers", "channels"]


def images_of(shape: tuple[int, ...], seed: int, offset: float = 0.0) -> torch.Tensor:
    """Random images; `offset` is the standard deviation of the channels' means."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(shape, generator=generator) * 2
    return images + offset * torch.randn((1, shape[1], *[1] * (len(shape) - 2)), generator=generator)


def parameters_of(channels: int, seed: int) -> list[torch.Tensor]:
    """weight, bias, running mean, running variance"""
    generator = torch.Generator().manual_seed(seed + 1)
    values = [torch.randn(channels, generator=generator) for _ in range(3)]
    return [*values, torch.rand(channels, generator=generator) + 0.5]


def upstream(images: torch.Tensor) -> torch.Tensor:
    return torch.linspace(-1, 1, images.numel()).view(images.shape)


def pytorchs(images, parameters, relu: bool, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
    """In float64: the output, the gradients of images, weight and bias, and the running statistics after it."""
    images = images.double().requires_grad_()
    weight, bias, mean, variance = (tensor.double() for tensor in parameters)
    out = F.batch_norm(images, mean, variance, weight.requires_grad_(), bias.requires_grad_(), True, 0.1, 1e-5)
    out = out.relu() if relu else out
    out = out if mask is None else out * mask
    (out * upstream(images)).sum().backward()
    return [out.detach(), images.grad, weight.grad, bias.grad, mean, variance]


def ours(images, parameters, steps: Steps, draw: Draw | None = None, threads: int = 1) -> list[torch.Tensor]:
    weight, bias, mean, variance = (tensor.clone() for tensor in parameters)
    norm = BatchNorm(len(images), steps, draw, weight, bias, (mean, variance), (1e-5, 0.1))
    x, dy = packed(images), packed(upstream(images))
    y, dweight, dbias = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
    computed(norm.forward(x, y, training=True), threads)
    computed(norm.backward(x, dy, dy, dweight, dbias), threads)
    return [layout.unpack(y, len(images)), layout.unpack(dy, len(images)), dweight, dbias, mean, variance]


def amplification(images: torch.Tensor) -> float:
    """How much normalisation and its gradients amplify a difference, at least 1."""
    variance = images.double().transpose(0, 1).flatten(1).var(1, unbiased=False)
    return max(1.0, float((variance + 1e-5).rsqrt().max()) ** 3)


def assert_close(computed_, exact, images, offset: float = 0.0) -> None:
    for i, (one, other) in enumerate(zip(computed_, exact, strict=True)):
        size = max(1.0, float(other.abs().max()))
        # sums over a channel, the gradients of weight and bias, round with each of their terms, which may cancel
        terms = 5e-7 * images.numel() / images.shape[1] if i in (2, 3) else 0.0
        # the input's own rounding errors are amplified where its mean is far from zero, or its values nearly agree
        assert one.double().sub(other).abs().max() <= (2e-5 * size + terms) * (1 + offset) * amplification(images)


@settings(max_examples=80, deadline=None)
@given(shapes, st.integers(0, 999), st.sampled_from([0.0, 1.0, 30.0]), st.booleans())
def test_outputs_gradients_and_running_statistics_are_pytorchs(shape, seed, offset, relu):
    images, parameters = images_of(shape, seed, offset), parameters_of(shape[1], seed)
    assert_close(ours(images, parameters, Steps(True, relu)), pytorchs(images, parameters, relu), images, offset)


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(0, 999), st.booleans(), st.sampled_from(DROPOUTS[1:]), st.sampled_from([0.01, 0.5, 0.9]))
def test_with_dropout_they_are_pytorchs_under_the_mask_that_was_drawn(shape, seed, relu, dropout, p):
    images, parameters = images_of(shape, seed), parameters_of(shape[1], seed)
    draw = Draw.with_probability(p)
    draw.set(seed, 0)
    ones, mask = packed(torch.ones_like(images)), torch.empty_like(packed(images))
    computed(Pointwise(len(images), Steps(dropout=dropout), draw).forward(ones, mask))
    mask = layout.unpack(mask, len(images))
    assert set(mask.unique().tolist()) <= {0.0, float(torch.tensor(1 / (1 - p)))}
    if dropout == "channels":
        assert (
            torch.equal(mask, mask.flatten(2)[:, :, :1].expand(mask.flatten(2).shape).view(mask.shape))
            if mask.dim() > 2
            else True
        )
    found = ours(images, parameters, Steps(True, relu, dropout), draw)
    assert_close(found, pytorchs(images, parameters, relu, mask.double()), images, offset=1 / (1 - p))


@settings(max_examples=30, deadline=None)
@given(shapes, st.booleans(), st.sampled_from(DROPOUTS), st.integers(2, 16))
def test_any_number_of_threads_gives_the_same_bits(shape, relu, dropout, threads):
    images, parameters = images_of(shape, 0), parameters_of(shape[1], 0)
    draw = Draw.with_probability(0.3) if dropout else None
    one, other = (ours(images, parameters, Steps(True, relu, dropout), draw, k) for k in (1, threads))
    assert all(map(torch.equal, one, other))


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(0, 999), st.booleans())
def test_in_test_mode_the_running_statistics_are_used(shape, seed, relu):
    images, parameters = images_of(shape, seed), parameters_of(shape[1], seed)
    weight, bias, mean, variance = parameters
    norm = BatchNorm(len(images), Steps(True, relu), None, weight, bias, (mean, variance), (1e-5, 0.1))
    x = packed(images)
    y = torch.empty_like(x)
    computed(norm.forward(x, y, training=False))
    expected = F.batch_norm(images, mean, variance, weight, bias)
    assert torch.allclose(layout.unpack(y, len(images)), expected.relu() if relu else expected, atol=1e-5, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(shapes, st.sampled_from(DROPOUTS))
def test_relu_and_dropout_alone_have_the_gradient_of_what_they_keep(shape, dropout):
    images = images_of(shape, 0)
    draw = Draw.with_probability(0.3) if dropout else None
    pointwise = Pointwise(len(images), Steps(relu=True, dropout=dropout), draw)
    x, dy = packed(images), packed(torch.ones_like(images))
    y = torch.empty_like(x)
    computed([*pointwise.forward(x, y), *pointwise.backward(x, dy, dy)])
    out, gradient = layout.unpack(y, len(images)), layout.unpack(dy, len(images))
    factor = 1 if draw is None else float(draw.factor)
    assert torch.equal(out, images.relu() * gradient)
    assert torch.equal(gradient != 0, out > 0) and set(gradient.unique().tolist()) <= {0.0, factor}


def test_nan_is_passed_on_and_never_hidden_by_relu():
    images = images_of((4, 3, 5, 5), 0)
    images[1, 1, 2, 2] = math.nan
    out, gradient, *_ = ours(images, parameters_of(3, 0), Steps(True, True))
    assert out[:, 1].isnan().all() and not out[:, 0].isnan().any()
    assert gradient[:, 1].isnan().all()


def test_a_layer_whose_weights_start_at_zero_has_gradients():
    images, (weight, bias, mean, variance) = images_of((4, 3, 5, 5), 0), parameters_of(3, 0)
    zero = [weight * 0, bias * 0, mean, variance]
    found = ours(images, zero, Steps(True))
    assert torch.allclose(found[2].double(), pytorchs(images, zero, False)[2], atol=1e-4) and bool(
        (found[2] != 0).all()
    )


@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_missing_images_of_the_last_block_count_for_nothing(count):
    images = images_of((count, 3, 4, 4), 0)
    x = packed(images)
    x[-1, ..., (count - 1) % 32 + 1 :] = 1e30
    norm = BatchNorm(count, Steps(True), None, *[torch.ones(3)] * 2, (torch.zeros(3), torch.ones(3)), (1e-5, 1.0))
    dy, y = packed(upstream(images)), torch.empty_like(x)
    dweight, dbias = torch.zeros(3), torch.zeros(3)
    computed([*norm.forward(x, y, training=True), *norm.backward(x, dy, dy, dweight, dbias)])
    assert torch.allclose(norm._running[0], images.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(dbias, upstream(images).sum((0, 2, 3)), atol=1e-3)
    assert not dy[-1, ..., (count - 1) % 32 + 1 :].any()


@given(shapes)
def test_channels_are_summed_over_images_and_pixels(shape):
    images = images_of(shape, 0)
    totals = torch.ones(shape[1])
    computed(sum_channels(packed(images), totals))
    exact = images.double().transpose(0, 1).flatten(1).sum(1) + 1
    assert torch.allclose(totals.double(), exact, atol=1e-4)
