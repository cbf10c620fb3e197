"""Convolution in blocks of images: outputs and gradients as PyTorch computes them in double precision."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.kernels import builder, convolution, layout
from course.kernels.convolution import Convolution
from tests.support.kernels import computed, packed

UNIT_ROUNDOFF = 2.0**-24  # of float32


@st.composite
def convolutions(draw, max_channels: int = 9) -> tuple[tuple[torch.Tensor, ...], Convolution]:
    """(images, weight, bias or None) in double precision, and the options."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    in_channels, out_channels = (groups * draw(st.integers(1, max_channels)) for _ in range(2))
    kernel, stride = ((draw(st.integers(1, high)), draw(st.integers(1, high))) for high in (5, 3))
    padding = tuple(draw(st.integers(0, length - 1)) for length in kernel)
    size = [draw(st.integers(max(1, side - 2 * pad), 9)) for side, pad in zip(kernel, padding, strict=True)]
    shapes = (
        (draw(st.integers(1, 70)), in_channels, *size),
        (out_channels, in_channels // groups, *kernel),
        (out_channels,),
    )
    images, weight, bias = random_tensors(draw(st.integers(0, 999)), *shapes)
    return (images, weight, bias if draw(st.booleans()) else None), Convolution(stride, padding, groups)


def random_tensors(seed: int, *shapes: tuple[int, ...]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def pytorchs(tensors, conv: Convolution, gradient=None) -> list[torch.Tensor]:
    """The output, and the gradients of images and weight for the output's `gradient`."""
    images, weight = (tensor.clone().requires_grad_() for tensor in tensors[:2])
    out = torch.conv2d(images, weight, tensors[2], conv.stride, conv.padding, 1, conv.groups)
    if gradient is not None:
        out.backward(gradient)
    return [out.detach(), images.grad, weight.grad]


def ours(tensors, conv: Convolution, gradient=None, threads: int = 1) -> list[torch.Tensor]:
    """As `pytorchs`, in float32."""
    images, weight, bias = (None if tensor is None else tensor.float() for tensor in tensors)
    x, count = packed(images), len(images)
    y = layout.empty(count, (len(weight), *conv.output_size(images.shape[2:], weight.shape[2:])))
    computed(conv.forward(x, weight, bias, y), threads)
    results = [layout.unpack(y, count)]
    if gradient is not None:
        dy, dx, dweight = packed(gradient.float()), torch.empty_like(x), torch.zeros_like(weight)
        computed([*conv.backward_input(dy, weight, dx), *conv.backward_weight(x, dy, dweight)], threads)
        results += [layout.unpack(dx, count), dweight]
    return results


def compare(tensors, conv: Convolution) -> None:
    """Each number of the output and of the gradients is as close to the exact one as float32 sums promise.

    A sum of products in which each product passes through at most `depth` additions has an error of at most
    gamma(depth + 3) times the sum of the products' absolute values, gamma(k) = k u / (1 - k u), where both factors and
    the product are rounded as well (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
    """
    shape = pytorchs(tensors, conv)[0].shape
    gradient = torch.linspace(-1, 1, shape.numel(), dtype=torch.float64).view(shape)
    exact = pytorchs(tensors, conv, gradient)
    absolute = [t if t is None else t.abs() for t in tensors]
    sums = pytorchs(absolute, conv, gradient.abs())
    for one, other, magnitude, depth in zip(
        ours(tensors, conv, gradient), exact, sums, depths(tensors[1], shape), strict=True
    ):
        assert one.shape == other.shape
        rounding = (depth + 3) * UNIT_ROUNDOFF
        assert bool(((one - other).abs() <= rounding / (1 - rounding) * magnitude).all())


def depths(weight: torch.Tensor, shape: torch.Size) -> tuple[int, int, int]:
    """How many additions a product passes through, at most: output, gradient of images and of weight."""
    count, _, out_h, out_w = shape
    within_block = layout.VECTORS * out_h * out_w
    weight_gradient = within_block + layout.blocks_of(count) + math.ceil(math.log2(builder.LANES)) + 1
    return weight[0].numel() + 1, weight[:, 0].numel(), weight_gradient


@settings(max_examples=150)
@given(convolutions())
def test_a_convolution_and_its_gradients_are_pytorchs_for_any_shape_stride_padding_and_groups(case):
    compare(*case)


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 70))
def test_any_number_of_channels_and_images_is_supported(ins, outs, count):
    images, weight = random_tensors(ins, (count, ins, 5, 4), (outs, ins, 3, 3))
    compare((images, weight, None), Convolution(padding=(1, 1)))


@settings(max_examples=30)
@given(convolutions(), st.integers(2, 16))
def test_any_number_of_threads_gives_the_same_bits(case, threads):
    tensors, conv = case
    gradient = torch.ones_like(pytorchs(tensors, conv)[0])
    for one, other in zip(ours(tensors, conv, gradient), ours(tensors, conv, gradient, threads), strict=True):
        assert torch.equal(one, other)


@settings(max_examples=40)
@given(convolutions(), st.data())
def test_an_image_has_the_same_output_bit_for_bit_at_any_place_in_any_batch(case, data):
    (images, weight, bias), conv = case
    order = torch.tensor(data.draw(st.permutations(range(len(images)))))
    part = data.draw(st.integers(1, len(images)))
    whole = ours((images, weight, bias), conv)[0]
    assert torch.equal(ours((images[order[:part]], weight, bias), conv)[0], whole[order[:part]])


@settings(max_examples=100)
@given(st.integers(1, 500), st.integers(1, 12))
def test_groups_of_channels_are_nearly_equal_and_cover_each_once(channels, max_size):
    groups = convolution._channel_groups(channels, max_size)
    sizes = [size for _, count, size in groups for _ in range(count)]
    firsts = [first + n * size for first, count, size in groups for n in range(count)]
    assert sum(sizes) == channels and max(sizes) <= max_size and max(sizes) - min(sizes) <= 1
    assert firsts == [sum(sizes[:n]) for n in range(len(sizes))]


def test_gradients_of_weights_are_added_up():
    (images,) = random_tensors(0, (5, 2, 4, 4))
    x, dy = packed(images.float()), packed(torch.ones(5, 3, 2, 2))
    dweight = torch.zeros(3, 2, 3, 3)
    instructions = Convolution().backward_weight(x, dy, dweight)
    computed(instructions)
    once = dweight.clone()
    computed(instructions)
    assert torch.equal(dweight, 2 * once) and bool((once != 0).all())


def test_nan_spreads_as_far_as_the_window_and_no_further():
    images = torch.zeros(20, 2, 7, 7)
    images[17, 1, 3, 3] = math.nan
    is_nan = ours((images, torch.ones(3, 2, 3, 3), None), Convolution(padding=(1, 1)))[0].isnan()
    assert is_nan[17, :, 2:5, 2:5].all() and is_nan.sum() == 3 * 9


@pytest.mark.parametrize("vectors", convolution.FORWARD_CHANNELS)
def test_a_processor_with_fewer_registers_computes_the_same_bits(monkeypatch, vectors):
    images, weight, bias = random_tensors(3, (40, 7, 6, 6), (13, 7, 3, 3), (13,))
    conv = Convolution((2, 1), (1, 1))
    gradient = torch.linspace(-1, 1, 40 * 13 * 3 * 6, dtype=torch.float64).view(40, 13, 3, 6)
    here = ours((images, weight, bias), conv, gradient)
    machine = builder.target_machine()[0]
    monkeypatch.setattr(convolution, "target_machine", lambda: (machine, vectors))
    assert all(map(torch.equal, here, ours((images, weight, bias), conv, gradient)))
