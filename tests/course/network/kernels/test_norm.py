"""Batch norm, ReLU and dropout in one pass: outputs and gradients as PyTorch's own operators compute them."""

from __future__ import annotations

import contextlib
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course.network import kernels
from course.network.kernels.layout import to_batch_innermost

shapes = st.one_of(
    st.tuples(st.integers(2, 40), st.integers(1, 20), st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(2, 40), st.integers(1, 20), st.integers(1, 9)),
    st.tuples(st.integers(2, 40), st.integers(1, 20)),
)


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


def pytorchs(images, weight, bias, mean, variance, training, relu):
    out = F.batch_norm(images, mean, variance, weight, bias, training, 0.1, 1e-5)
    return out.relu() if relu else out


def ours(images, weight, bias, mean, variance, training, relu, p=0.0):
    return kernels.batch_norm(images, weight, bias, mean, variance, training, 0.1, 1e-5, True, relu, p)


def with_gradients(function, images, parameters, *options):
    """The output, the gradients of images, weight and bias, and the running statistics after it."""
    images = images.clone().requires_grad_()
    weight, bias, mean, variance = (t.clone() for t in parameters)
    out = function(images, weight.requires_grad_(), bias.requires_grad_(), mean, variance, *options)
    (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum().backward()
    return [out.detach(), images.grad, weight.grad, bias.grad, mean, variance]


@settings(max_examples=80, deadline=None)
@given(shapes, st.integers(0, 999), st.sampled_from([0.0, 1.0, 30.0]), st.booleans())
def test_outputs_gradients_and_running_statistics_are_pytorchs(shape, seed, offset, relu):
    images, parameters = images_of(shape, seed, offset), parameters_of(shape[1], seed)
    exact = [t.double() for t in parameters]
    theirs = with_gradients(pytorchs, images.double(), exact, True, relu)
    for one, other in zip(with_gradients(ours, images, parameters, True, relu), theirs, strict=True):
        size = max(1.0, float(other.abs().max()))
        # the input's own rounding errors are amplified where its mean is far from zero, or its values nearly agree
        assert one.double().sub(other).abs().max() <= 2e-5 * size * (1 + offset) * amplification(images)


def amplification(images: torch.Tensor) -> float:
    """How much normalisation and its gradients amplify a difference, at least 1."""
    variance = images.double().transpose(0, 1).flatten(1).var(1, unbiased=False)
    return max(1.0, float((variance + 1e-5).rsqrt().max()) ** 3)


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(0, 999), st.booleans())
def test_in_eval_mode_the_running_statistics_are_used(shape, seed, relu):
    images, parameters = images_of(shape, seed), parameters_of(shape[1], seed)
    with torch.no_grad():
        one, other = (f(images, *parameters, False, relu) for f in (ours, pytorchs))
    assert torch.allclose(one, other, atol=1e-5, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(0, 999), st.sampled_from([0.01, 0.1, 0.5, 0.9]))
def test_dropout_scales_a_value_or_sets_it_to_zero(shape, seed, p):
    images, parameters = images_of(shape, seed), parameters_of(shape[1], seed)
    torch.manual_seed(seed)
    without = with_gradients(ours, images, parameters, True, True)[0]
    out = with_gradients(ours, images, parameters, True, True, p)[0]
    dropped = (out == 0) & (without > 0)
    assert torch.allclose(out, torch.where(dropped, 0, without / (1 - p)), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(0, 999), st.sampled_from([0.01, 0.1, 0.5, 0.9]))
def test_fused_dropout_has_the_gradients_of_the_three_operators_one_by_one(shape, seed, p):
    images, parameters = images_of(shape, seed), parameters_of(shape[1], seed)

    def one_by_one(*arguments):
        return kernels.dropout(pytorchs(*arguments), p, True)

    torch.manual_seed(seed)
    fused = with_gradients(ours, images, parameters, True, True, p)
    torch.manual_seed(seed)
    separate = with_gradients(one_by_one, images, parameters, True, True)
    for one, other in zip(fused, separate, strict=True):
        assert torch.allclose(
            one, other, rtol=1e-3, atol=2e-5 * max(1, float(other.abs().max())) * amplification(images)
        )


def test_nan_is_passed_on_and_never_hidden_by_relu():
    images = images_of((4, 3, 5, 5), 0)
    images[1, 1, 2, 2] = math.nan
    out = with_gradients(ours, images, parameters_of(3, 0), True, True)
    assert out[0][:, 1].isnan().all() and not out[0][:, 0].isnan().any()
    assert out[1][:, 1].isnan().all()


@pytest.mark.filterwarnings("error")
def test_a_network_that_diverges_causes_no_warnings():
    images, (weight, bias, mean, variance) = images_of((4, 3, 5, 5), 0), parameters_of(3, 0)
    for huge in (math.inf, 1e38):
        with_gradients(ours, images * huge, [weight * 1e38, bias * huge, mean, variance], True, True)
    with torch.no_grad():
        ours(images, weight, bias, mean, variance * 0 - 1, False, False)


def test_a_layer_whose_weights_start_at_zero_has_gradients():
    images, (weight, bias, mean, variance) = images_of((4, 3, 5, 5), 0), parameters_of(3, 0)
    zero = [weight * 0, bias * 0, mean, variance]
    ours_, theirs = (with_gradients(f, images, zero, True, False) for f in (ours, pytorchs))
    assert torch.allclose(ours_[2], theirs[2], atol=1e-4) and bool((theirs[2] != 0).all())


@pytest.mark.parametrize("odd", ["double", "no weight", "one value"])
def test_unsupported_arguments_are_passed_to_pytorch(odd):
    images = images_of((1, 3, 1, 1) if odd == "one value" else (4, 3, 5, 5), 0)
    weight, bias, mean, variance = parameters_of(3, 0)
    match odd:
        case "double":
            images, weight, bias, mean, variance = (t.double() for t in (images, weight, bias, mean, variance))
        case "no weight":
            weight = bias = None
    training = odd != "one value"
    arguments = images, weight, bias, mean.clone(), variance.clone(), training, True
    assert torch.allclose(ours(*arguments), pytorchs(images, weight, bias, mean, variance, training, True), atol=1e-5)


@pytest.mark.parametrize("eps", [[], [[1.0], [1.0]], torch.tensor(1e-5)], ids="empty list tensor".split())
def test_arguments_of_a_wrong_type_are_refused_by_pytorch(eps):
    images, one = torch.randn(4, 1, 3, 3), torch.ones(1)
    with pytest.raises((RuntimeError, TypeError)) if isinstance(eps, list) else contextlib.nullcontext():
        kernels.batch_norm(images, one, one, None, None, True, 0.1, eps, True)
    for nothing in (3, None, [images]):
        with pytest.raises((RuntimeError, TypeError)):
            kernels.batch_norm(nothing, one, one, None, None, True, 0.1, 1e-5, True)
        for operator in (kernels.conv2d, kernels.max_pool2d):
            with pytest.raises((RuntimeError, TypeError)):
                operator(nothing, (2, 2))


def test_a_weight_of_another_size_is_refused_by_pytorch():
    images, (_, bias, mean, variance) = images_of((4, 3, 5, 5), 0), parameters_of(3, 0)
    with pytest.raises(RuntimeError):
        ours(images, torch.ones(2), bias, mean, variance, True, False)


@given(shapes.filter(lambda shape: len(shape) == 4 and math.prod(shape[2:]) > 1), st.booleans())
def test_the_gradient_of_instance_norm_is_right_in_every_layout(shape, one_channel):
    shape = (shape[0], 1, *shape[2:]) if one_channel else shape
    images, gradient = images_of(shape, 0), images_of(shape, 1)
    exact = images.double().requires_grad_()
    (expected,) = torch.autograd.grad(F.instance_norm(exact), exact, gradient.double())
    for given_as in (images, to_batch_innermost(images)):
        for gradient_as in (gradient, to_batch_innermost(gradient)):
            leaf = given_as.detach().requires_grad_()
            output = kernels.instance_norm(leaf, None, None, None, None, True, 0.1, 1e-5, False)
            (found,) = torch.autograd.grad(output, leaf, gradient_as)
            assert torch.allclose(found.double(), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()) + 1e-3)
